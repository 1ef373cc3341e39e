// Medians and spreads: a shared machine is noisy, so no single figure decides.

export function median(figures: readonly number[]): number {
  if (figures.length === 0) throw new RangeError('a median of nothing');
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** Four digits are more than any of these figures is worth. */
export function rounded(figure: number): number {
  return Number(figure.toPrecision(4));
}

/** For people: 12345 -> 12.3k. */
export function short(figure: number): string {
  if (Math.abs(figure) >= 1e9) return `${(figure / 1e9).toPrecision(3)}G`;
  if (Math.abs(figure) >= 1e6) return `${(figure / 1e6).toPrecision(3)}M`;
  if (Math.abs(figure) >= 1e4) return `${(figure / 1e3).toPrecision(3)}k`;
  return String(Number(figure.toPrecision(3)));
}
