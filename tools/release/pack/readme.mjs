// README.md as published, where docs/ and examples/ are not available.

const image = /\b(src|srcset)="([^"]+)"/g;
const link = /(!?\[(?:[^[\]]|\[[^\]]*\])*\]\()([^)\s]+)\)/g;

/**
 * Converts links to files and pictures of the checkout to links to the repository at the version's tag.
 * @param {string} text README.md
 * @param {{ version: string, repository: { url: string } }} manifest package.json as published
 */
export function publishedReadme(text, { version, repository }) {
  const web = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  const isLocal = (target) => !/^(https?:|mailto:|#)/.test(target);
  const withImages = text.replace(image, (whole, attribute, target) =>
    isLocal(target) ? `${attribute}="${web}/raw/v${version}/${target}"` : whole,
  );
  return withImages.replace(link, (whole, before, target) => {
    if (!isLocal(target)) return whole;
    const view = before.startsWith('!') ? 'raw' : 'blob';
    return `${before}${web}/${view}/v${version}/${target})`;
  });
}
