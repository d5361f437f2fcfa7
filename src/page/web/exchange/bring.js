// Details are brought to where they are seen, where that moves nothing that one is looking at.

const wide = matchMedia('(min-width: 1000px)');

/** Narrow, details are below all else: the page stays where it is. @param {HTMLElement} element */
export function bring(element) {
  if (wide.matches) element.scrollIntoView({ block: 'nearest' });
}

/** Who opened something comes back to where that was: keeps what has the focus now, and gives what goes there. */
export function opener() {
  const element = document.activeElement;
  return () => {
    if (element instanceof HTMLElement && element.isConnected && element !== document.body) element.focus({ preventScroll: true });
  };
}
