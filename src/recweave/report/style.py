"""The look of report.html: wide and narrow screens, light and dark, and paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff;
  --panel: #f3f6f9; --line: #d0d7de; --accent: #0b5cad; --good: #1a6b33; --bad: #b3261e;
  --bar: #5b9bd5; --mark: #fff4cc }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #a2acb8; --paper: #11151a;
  --panel: #1b222b; --line: #3a434e; --accent: #7ab8ff; --good: #6fd08c; --bad: #ff9088;
  --bar: #4f8fcb; --mark: #3a3413 } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1080px; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25 } h2 { margin: 2.2rem 0 .6rem }
h3 { margin: 0 0 .4rem; font-size: 1rem } p { margin: .5rem 0 }
.sub, small, .note, dt { color: var(--soft) } .note { font-size: .85rem }
.headline { font-size: 1.3rem; line-height: 1.4; border-left: 5px solid var(--accent);
  background: var(--panel); padding: .9rem 1.1rem; margin: 1.2rem 0 }
.warning { border: 1px solid var(--bad); border-left-width: 5px; border-radius: 4px;
  padding: .5rem 1rem; margin: 1rem 0 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .4rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap }
th { border-bottom: 2px solid var(--line) } th abbr { text-decoration: underline dotted;
  cursor: help } small { display: block; font-size: .75rem }
td:first-child, th:first-child { text-align: left; position: sticky; left: 0;
  background: var(--paper) }
.said { text-align: left } td.said { white-space: normal; min-width: 9rem }
tr.best td { font-weight: 600; background: var(--mark) } tr.best small { font-weight: 400 }
.better { color: var(--good) } .worse { color: var(--bad) }
.people, .plots { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)) }
.plots { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)) }
.card, figure { background: var(--panel); border-radius: 8px; padding: .9rem 1rem; margin: 0 }
.card ul, .card ol { margin: .2rem 0 .8rem; padding: 0; list-style: none; counter-reset: rank }
.card li { margin: .4rem 0 } .item { display: flex; gap: .6rem }
.card ol .item::before { counter-increment: rank; content: counter(rank) "." }
.card img { width: 44px; height: 44px; object-fit: cover; border-radius: 4px; flex: none }
figcaption { font-weight: 600; margin-bottom: .4rem } figure svg { width: 100%; height: auto }
figure svg text { fill: var(--ink) } figure svg .background { fill: transparent }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem } dd { margin: 0;
  overflow-wrap: anywhere }
code { font-size: .85em; overflow-wrap: anywhere } details { margin: .6rem 0 }
@media (max-width: 600px) { body { padding: 1rem .7rem } h1 { font-size: 1.35rem }
  .headline { font-size: 1.1rem } th, td { padding: .35rem .4rem; font-size: .85rem }
  dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --panel: #fff;
  --soft: #333; --line: #999; --good: #000; --bad: #000; --mark: #eee; --accent: #000 }
  @page { margin: 12mm } html { font-size: 9pt }
  body { max-width: none; padding: 0; font-size: 1rem; line-height: 1.35 }
  h1 { font-size: 15pt } h2 { font-size: 12pt; margin: 5mm 0 2mm } .headline { font-size: 11pt }
  .people { grid-template-columns: repeat(3, 1fr); gap: 3mm }
  .plots { grid-template-columns: 1fr 1fr; gap: 3mm } .card, figure { padding: 2.5mm }
  .card img { width: 28px; height: 28px }
  .card, figure, tr, .warning, .headline { break-inside: avoid }
  h2, h3, figcaption, p.note { break-after: avoid } .scroll { overflow: visible }
  .card, figure { border: 1px solid #999 } th, td { padding: .2rem .3rem }
  td:first-child, th:first-child { position: static; white-space: normal; overflow-wrap: anywhere }
  details::details-content { content-visibility: visible; display: block; height: auto }
  th abbr { text-decoration: none } }
"""
