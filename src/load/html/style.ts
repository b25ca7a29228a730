/** The report's look: quiet, one accent, dark where the reader's system is dark, and fit for print. */
export const STYLE = `
:root{--ground:#f6f7f9;--sheet:#fff;--ink:#16202c;--soft:#5b6776;--line:#e3e7ec;--c1:#1f6feb;--c2:#d9730d;--c3:#0f8a6c;--c4:#8250df;--good:#137a4b;--good-ground:#e6f5ec;--bad:#c0362c;--bad-ground:#fdeceb;--warn:#8a5a00;--warn-ground:#fff4dc}
@media (prefers-color-scheme:dark){:root{--ground:#0f1419;--sheet:#171e26;--ink:#e6ebf1;--soft:#95a2b1;--line:#2a333e;--c1:#5ea2ff;--c2:#f0a04b;--c3:#3fc79f;--c4:#b48efa;--good:#56d396;--good-ground:#12301f;--bad:#ff8078;--bad-ground:#3a1816;--warn:#f0c060;--warn-ground:#362a0c}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:960px;margin:0 auto;padding:40px 20px 72px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:19px;margin:44px 0 4px;letter-spacing:-.01em}
h3{font-size:15px;margin:0}
p{margin:0 0 12px;max-width:70ch}
.soft,.lead,figcaption p{color:var(--soft)}
.lead{margin-bottom:24px}
.verdict{border-radius:12px;padding:18px 22px;margin:0 0 24px}
.verdict b{display:block;font-size:18px;margin-bottom:2px}
.verdict ul{margin:8px 0 0;padding-left:20px}
.verdict.good{background:var(--good-ground)}.verdict.good b{color:var(--good)}
.verdict.bad{background:var(--bad-ground)}.verdict.bad b{color:var(--bad)}
.verdict.warn{background:var(--warn-ground)}.verdict.warn b{color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));gap:12px;margin:0 0 8px}
.tile,.chart,.sheet{background:var(--sheet);border:1px solid var(--line);border-radius:12px}
.tile{padding:14px 16px}
.tile strong{display:block;font-size:25px;line-height:1.2;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.tile strong.bad{color:var(--bad)}
.chart{margin:14px 0 0;padding:16px 18px 10px;position:relative}
.chart p{font-size:14px;margin:2px 0 6px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:0 14px}
.under{margin:8px 0 0;font-size:14px}.hand{display:none}.chart svg{display:block;width:100%;height:auto;overflow:visible;touch-action:pan-y}
.keys{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--soft);margin:2px 0 6px}
.key i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;vertical-align:middle;background:currentColor}
.key.c1 i{color:var(--c1)}.key.c2 i{color:var(--c2)}.key.c3 i{color:var(--c3)}.key.c4 i{color:var(--c4)}.key.bad i{color:var(--bad)}.key.quiet i{color:var(--soft)}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}
.area{opacity:.14}
.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}.line.bad{stroke:var(--bad)}.line.quiet{stroke:var(--soft);stroke-width:1.5}
.area.c1{fill:var(--c1)}.area.c2{fill:var(--c2)}.area.c3{fill:var(--c3)}.area.c4{fill:var(--c4)}.area.bad{fill:var(--bad);opacity:.3}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.tick{fill:var(--soft);font-size:11.5px;font-variant-numeric:tabular-nums}
.mark-line line{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:2 4;vector-effect:non-scaling-stroke}.cursor[hidden]{display:none}.cursor{stroke:var(--soft);stroke-dasharray:3 3;vector-effect:non-scaling-stroke}
.chart output{position:absolute;top:14px;right:18px;background:var(--sheet);border:1px solid var(--line);border-radius:8px;padding:6px 10px;font-size:13px;line-height:1.45;pointer-events:none;font-variant-numeric:tabular-nums;display:none;box-shadow:0 4px 16px rgb(0 0 0/.12)}
.chart output.on{display:block}
.sheet{margin-top:14px;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14.5px;font-variant-numeric:tabular-nums}
th,td{padding:9px 16px;text-align:right;border-top:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:116px}
.words{text-align:left;white-space:normal;color:var(--soft)}
td.words{min-width:200px}
tr:first-child>*{border-top:0}
thead th{color:var(--soft);font-weight:500;font-size:13px}
.mark{font-weight:600}.mark.good{color:var(--good)}.mark.bad{color:var(--bad)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:8px 20px;margin:14px 0 0;font-size:15px}
dt{font-weight:600}dd{margin:0;color:var(--soft)}
footer{margin-top:48px;color:var(--soft);font-size:13px}
@media (max-width:560px){.desk{display:none}.hand{display:block}.tick{font-size:15px}.line{stroke-width:1.6}main{padding:24px 14px 48px}dl{grid-template-columns:1fr;gap:2px}dd{margin-bottom:10px}table{font-size:13.5px}th,td{padding:8px 9px}th:first-child,td:first-child{position:sticky;left:0;background:var(--sheet)}}
@media print{body{background:#fff}.chart,.tile,.sheet{break-inside:avoid}}
`;

/** Shows the values under the pointer. The page is complete without it. */
export const HOVER = `
for (const svg of document.querySelectorAll('svg[data-points]')) {
  const { at, labels, lines } = JSON.parse(svg.dataset.points);
  const cursor = svg.querySelector('.cursor'), out = svg.closest('figure').querySelector('output');
  const hide = () => { cursor.setAttribute('hidden', ''); out.className = ''; };
  svg.addEventListener('pointerleave', hide);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let near = 0;
    for (let i = 1; i < at.length; i++) if (Math.abs(at[i] - x) < Math.abs(at[near] - x)) near = i;
    cursor.setAttribute('x1', at[near]); cursor.setAttribute('x2', at[near]); cursor.removeAttribute('hidden');
    out.replaceChildren(labels[near], ...lines.flatMap((line) => {
      const key = document.createElement('span'); key.className = 'key ' + line.className;
      key.append(document.createElement('i'), line.name + ' ' + line.values[near]);
      return [document.createElement('br'), key];
    }));
    out.className = 'on';
    out.style.right = x > svg.viewBox.baseVal.width / 2 ? 'auto' : '18px';
    out.style.left = x > svg.viewBox.baseVal.width / 2 ? '18px' : 'auto';
  });
}
`;
