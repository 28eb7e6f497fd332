// README.md as published: npm's page and an installed package have no docs/ and no examples/.

const link = /(!?\[(?:[^[\]]|\[[^\]]*\])*\]\()([^)\s]+)\)/g;

/**
 * Links to files of the checkout become links to the repository, at the tag of the version.
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
