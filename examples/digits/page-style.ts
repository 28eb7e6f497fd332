/** Width of a picture on the page, in pixels. */
const PICTURE_WIDTH = 84;

/** The style sheet of the report: light or dark as the system is, for windows of phones and of desktops. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #222; --muted: #5c5c5c; --rule: #ddd; --right: #d5ead8; --wrong: #ef6a42;
  --line-0: #1f6fb4; --line-1: #d0561a; --line-2: #2a8a55; --line-3: #8a5cc2; --line-4: #c23b5a; --line-5: #7a6a4f;
  --line-6: #3d7f96;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --ink: #e4e4e4; --muted: #a5a8ac; --rule: #383c41; --right: #21472b; --wrong: #c44a22;
    --line-0: #63adeb; --line-1: #f08a4f; --line-2: #5cc48d; --line-3: #b693ea; --line-4: #f0758f; --line-5: #c4b08d;
    --line-6: #74bcd4;
  }
}
* { box-sizing: border-box }
body {
  font: 16px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 892px; margin: 1.5em auto; padding: 0 16px;
}
h1 { font-size: 1.7em; line-height: 1.2 } h2 { font-size: 1.25em; margin: 2em 0 0.2em }
p { margin: 0.3em 0; overflow-wrap: anywhere }
.status { border-left: 4px solid var(--line-0); padding-left: 0.7em; margin: 1em 0 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { padding: 0.25em 0.6em; text-align: right; border-bottom: 1px solid var(--rule) }
th:first-child { text-align: left; padding-left: 0; font-weight: normal }
.legend { display: flex; flex-wrap: wrap; gap: 0 0.9em; list-style: none; margin: 0.6em 0 0; padding: 0; font-size: 13px }
.legend i {
  display: inline-block; width: 9px; height: 9px; margin-right: 0.4em; vertical-align: 0.05em;
  background: var(--color);
}
.legend .none { width: 22px; height: 3px; vertical-align: 0.25em }
.legend .circle { border-radius: 50% } .legend .diamond { rotate: 45deg }
.chart svg { display: block; width: 100%; height: auto }
.narrow { display: none; max-width: 520px }
@media (max-width: 700px) { .wide { display: none } .narrow { display: block } }
.confusions { display: flex; flex-wrap: wrap; gap: 0 3em }
.confusion { margin: 0.4em 0 1em } .confusion caption { text-align: left; font-weight: bold; padding: 0.5em 0 }
.confusion th, .confusion td, .confusion th:first-child {
  width: 33px; height: 33px; padding: 0; font-size: 14px; text-align: center; border: 1px solid var(--paper);
}
.confusion th { color: var(--muted) } .confusion .none { color: var(--muted) }
.confusion .right { background: var(--right); font-weight: bold }
.confusion .wrong { background: color-mix(in srgb, var(--wrong) var(--share), var(--paper)) }
.times { list-style: none; margin: 0.6em 0; padding: 0; font-size: 14px }
.times li { display: grid; grid-template-columns: 17em 1fr 8em; gap: 0 1em; align-items: center; margin: 0.2em 0 }
.times .bar { display: flex; height: 14px } .times .forward { background: var(--line-0) }
.times .backward { background: var(--line-1) }
.times .ms { text-align: right; font-variant-numeric: tabular-nums }
@media (max-width: 700px) {
  .times li { grid-template-columns: 1fr auto; margin: 0.6em 0 } .times .name { grid-column: 1 / -1 }
}
.pictures { display: flex; flex-wrap: wrap; gap: 10px; margin-top: 1em }
figure { margin: 0; text-align: center; font-size: 13px }
figure img { display: block; width: ${PICTURE_WIDTH}px; image-rendering: pixelated }
`;
