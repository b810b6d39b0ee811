/** The highest count seen so far, looked at every few milliseconds. */
export interface Peak extends Disposable {
  readonly highest: number;
}

/** Looks until it is disposed of: a check that fails must end too, and a timer that goes on would keep its process for ever. */
export function watchPeak(count: () => number): Peak {
  let highest = 0;
  const timer = setInterval(() => {
    highest = Math.max(highest, count());
  }, 50);
  return {
    get highest() {
      return highest;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
