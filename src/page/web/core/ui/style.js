// Style sheets of what is loaded later.

import { urlOf } from '../data/data.js';

/** @type {Map<string, Promise<void>>} */
const known = new Map();

/** @param {string} path Below the folder of the page: `css/signs.css`. @returns {Promise<void>} When it holds. */
function load(path) {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = urlOf(`-/${path}`);
    link.onload = () => resolve();
    link.onerror = () => {
      known.delete(path);
      link.remove();
      reject(new Error('A style sheet of the page could not be loaded.'));
    };
    document.head.append(link);
  });
}

/** Each is loaded once. @param {...string} paths @returns {Promise<void[]>} */
export const styles = (...paths) => Promise.all(paths.map((path) => {
  const found = known.get(path) ?? load(path);
  known.set(path, found);
  return found;
}));
