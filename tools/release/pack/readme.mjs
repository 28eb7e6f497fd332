// README.md as published, where docs/ and examples/ are not available.

const link = /(!?\[(?:[^[\]]|\[[^\]]*\])*\]\()([^)\s]+)\)/g;

/**
 * Converts links to files of the checkout to links to the repository at the version's tag.
 * @param {string} text README.md
 * @param {{ version: string, repository: { url: string } }} manifest package.json as published
 */
export function publishedReadme(text, { version, repository }) {
  const web = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  return text.replace(link, (whole, before, target) => {
    if (/^(https?:|mailto:|#)/.test(target)) return whole;
    const view = before.startsWith('!') ? 'raw' : 'blob';
    return `${before}${web}/${view}/v${version}/${target})`;
  });
}
