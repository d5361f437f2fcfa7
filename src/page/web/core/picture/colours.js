// Colours of pictures: those of css/theme.css, read where they have changed (the system turned dark, or its colours are forced).

const NAMES = /** @type {const} */ ([
  'ground', 'panel', 'raised', 'line', 'line-strong', 'text', 'quiet', 'accent', 'focus', 'bad', 'bad-ground', 'warn', 'warn-ground', 'good', 'note', 'own',
  'advance', 'uncertain', 'expected', 'box', 'box-line', 'wait', 'receive', 'part', 'mark', 'hole', 'density', 'playhead', 'picture', 'pointer',
]);

/** @typedef {Record<typeof NAMES[number], string> & { font: string, small: number }} Colours */

/** @type {Colours | null} */
let known = null;
/** @type {Set<() => void>} */
const all = new Set();

const changed = () => {
  known = null;
  hatches.clear();
  for (const told of [...all]) told();
};
for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)', '(min-width: 2400px)']) matchMedia(query).addEventListener('change', changed);

/** @returns {Colours} */
export function colours() {
  if (!known) {
    const style = getComputedStyle(document.documentElement);
    const entries = NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim() || 'gray']);
    known = { ...Object.fromEntries(entries), font: style.getPropertyValue('--font').trim() || 'sans-serif', small: (parseFloat(style.getPropertyValue('--size')) || 13) - 2 };
  }
  return /** @type {Colours} */ (known);
}

/** When they have changed. @param {() => void} told */
export const onColours = (told) => void all.add(told);

/** @type {Map<string, CanvasPattern | null>} */
const hatches = new Map();

/**
 * Lines from the lower left to the upper right: what is missing, so that it is told by more than its colour.
 * @param {CanvasRenderingContext2D} context @param {string} colour @param {number} [distance]
 * @returns {CanvasPattern | string}
 */
export function hatch(context, colour, distance = 6) {
  const key = `${colour} ${distance}`;
  if (!hatches.has(key)) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = distance;
    const pen = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'));
    pen.strokeStyle = colour;
    pen.lineWidth = 1.3;
    pen.beginPath();
    for (const shift of [-distance, 0, distance]) {
      pen.moveTo(shift, distance);
      pen.lineTo(shift + distance, 0);
    }
    pen.stroke();
    hatches.set(key, context.createPattern(tile, 'repeat'));
  }
  return hatches.get(key) ?? colour;
}
