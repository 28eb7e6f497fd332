// Arranges the API site for TypeDoc: the pages of docs/README.md, public names by topic, and one list of topics instead of
// a list for each entry of the package.
import { relative } from 'node:path';
import { Application, CommentTag, Converter, DefaultTheme, KindRouter } from 'typedoc';
import { indexedPages } from './pages.mjs';
import { topicOf, topics } from './topics.mjs';

const api = 'API';
const pages = indexedPages();
/** @type {Map<import('typedoc').DocumentReflection, import('./pages.mjs').Page>} */
const pageOf = new Map();

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.on(Application.EVENT_BOOTSTRAP_END, () => {
    app.options.setValue(
      'projectDocuments',
      pages.map(({ file }) => file),
    );
    const categories = [...new Set(pages.map(({ category }) => category))];
    app.options.setValue('categoryOrder', [...categories, api, ...topics]);
  });
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    // TypeDoc makes the documents in the order of the pages.
    const page = pages[pageOf.size];
    pageOf.set(document, page);
    document.name = page.name;
    document.frontmatter.category = page.category;
  });
  // Before TypeDoc makes categories of the tags.
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => addTopics(app, context), 1000);
  app.renderer.defineTheme('batchnorm', Theme);
  app.renderer.defineRouter('batchnorm', Router);
}

function addTopics(app, context) {
  for (const module of context.project.children) {
    module.name = module.name === 'index' ? 'batchnorm' : `batchnorm/${module.name}`;
    for (const child of module.children) {
      const [declaration] = context.getSymbolFromReflection(child).declarations;
      const path = relative('lib', declaration.getSourceFile().fileName).replaceAll('\\', '/');
      const topic = topicOf(child.name, path);
      if (topic === undefined) {
        app.logger.error(`Expected a topic for ${child.name} of lib/${path} in tools/build/site/topics.mjs`);
        continue;
      }
      const comment = child.comment ?? child.signatures?.[0].comment;
      // A name without a comment is an error of its own.
      comment?.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: topic }]));
    }
  }
}

class Theme extends DefaultTheme {
  /** The pages, then the topics of all entries. */
  buildNavigation(project) {
    const elements = super.buildNavigation(project);
    const modules = elements.find(({ text }) => text === api).children;
    const byTopic = modules
      .flatMap(({ children }) => children)
      .sort((a, b) => topics.indexOf(a.text) - topics.indexOf(b.text));
    return [...elements.filter(({ text }) => text !== api), ...byTopic];
  }
}

class Router extends KindRouter {
  /** Addresses of pages follow their files, so that they stay when a title changes. */
  getIdealBaseName(reflection) {
    return reflection.isDocument()
      ? `pages/${pageOf.get(reflection).slug}`
      : super.getIdealBaseName(reflection);
  }
}
