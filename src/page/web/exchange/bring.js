// Details are brought to where they are seen. Where they have a place of their own nothing else moves.

/** @param {HTMLElement} element Of what is open: it comes to the top of its place. */
export function bring(element) {
  const place = element.parentElement;
  if (place && getComputedStyle(place).overflowY === 'auto') place.scrollTop += element.getBoundingClientRect().top - place.getBoundingClientRect().top;
  else element.scrollIntoView({ block: 'start' });
}

/** Whether somebody has done something: what a link opens moves nothing. */
export const isAsked = () => navigator.userActivation?.hasBeenActive ?? false;

/** Escape in a panel is its button. @param {HTMLElement} element @param {HTMLElement} close */
export function closes(element, close) {
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented || (event.target instanceof Element && event.target.closest('select'))) return;
    event.preventDefault();
    close.click();
  });
}

/** Who opened something comes back to where that was: keeps what has the focus now, and gives what goes there. */
export function opener() {
  const element = document.activeElement;
  return () => {
    if (element instanceof HTMLElement && element.isConnected && element !== document.body) element.focus({ preventScroll: true });
  };
}
