// How it is to be played, of what the fragment says; what it does not say, or what there is not, is chosen here.

/**
 * @typedef {'hls.js' | 'native'} Feed
 * @typedef {'as served' | 'recorded' | 'none'} Faults
 * @typedef {{ stream: string, faults: Faults, feed: Feed }} Wanted
 */

/** @param {Pick<import('../types.js').Page, 'state' | 'session'>} page @returns {Wanted} */
export function wantedOf({ state, session }) {
  const { feed, faults, stream, s, r } = state.get();
  const { streams, hls_js } = session.get();
  const names = streams.map(({ name }) => name);
  const name = [stream, s, session.lane(r)?.stream].find((one) => one && names.includes(one));
  return {
    stream: name ?? names[0],
    faults: faults === 'recorded' || faults === 'none' ? faults : 'as served',
    feed: hls_js && feed !== 'native' ? 'hls.js' : 'native',
  };
}
