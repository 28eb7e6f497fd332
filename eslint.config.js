import tseslint from 'typescript-eslint';

/** Classes of which each vm context has its own. */
const builtins = [
  '(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error',
  '((Big)?(Ui|I)nt(8|16|32|64)(Clamped)?|Float(16|32|64))?Array',
  '(Shared)?ArrayBuffer',
  'DataView',
  '(Weak)?(Map|Set)',
  '(Async)?Function|Object|Promise|Date|RegExp|Symbol|String|Number|Boolean|BigInt',
  'Buffer|URL|Blob|Event|EventTarget|Abort(Controller|Signal)|(Readable|Writable|Transform)Stream',
].join('|');

const foreignInstance = {
  selector: `BinaryExpression[operator="instanceof"][right.name=/^(${builtins})$/]`,
  message:
    'Values of another realm are no instances: use lib/validation/realm.ts or lib/validation/typed-array.ts.',
};

/** Every error has a code: lib/validation/errors.ts makes them all. */
const errorWithoutCode = {
  selector: ['NewExpression', 'CallExpression']
    .map((kind) => `${kind}[callee.name=/^(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error$/]`)
    .join(', '),
  message: 'Make errors with the functions of lib/validation/errors.ts, which give them a code.',
};

export default tseslint.config(
  { ignores: ['dist/', 'dist-dev/', 'build*/', 'prebuilds/', 'docs/api/', 'test/types/'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A number in a message needs no String().
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Float32Array[i] is a number without !, since the author of a loop checks its indices.
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A parameter that starts with _ is there for the signature, and `infer _` for the pattern.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' }],
      // The checks of plain JavaScript callers look unnecessary to the compiler.
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/validation/errors.ts'],
    rules: {
      // arguments.length counts what a caller passed without making an array for each call.
      'prefer-rest-params': 'off',
      'no-restricted-syntax': ['error', foreignInstance, errorWithoutCode],
    },
  },
  { files: ['lib/validation/errors.ts'], rules: { 'no-restricted-syntax': ['error', foreignInstance] } },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
  { files: ['**/*.mjs', '**/*.js'], ...tseslint.configs.disableTypeChecked },
);
