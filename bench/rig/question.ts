// A question that the bench answers, and the shape of its answer.

export interface Question {
  readonly name: string;
  /** One line: what is compared with what. */
  readonly asks: string;
  /** Of the figure that decides. */
  readonly better: 'higher' | 'lower';
  readonly unit: 'x' | 'ms' | 'MiB' | 's';
  readonly goal: number;
  /** Of `ours` and `floor` in the answer. */
  readonly measures: string;
  measure(stand: Stand): Promise<Answer>;
}

/** Where a question is asked. */
export interface Stand {
  /** An empty directory on a real disk; removed afterwards. */
  readonly place: string;
  /** Where fixtures are kept from run to run. */
  readonly data: string;
  /** A slice that shows that the question can be asked; its figures mean nothing. */
  readonly quick: boolean;
  /** One line to whoever waits. */
  readonly say: (text: string) => void;
}

export interface Answer {
  /** The figure that decides, once for each round; its median is the ratio. */
  readonly figures: readonly number[];
  /** Where the median is not what was asked for. */
  readonly ratio?: number;
  /** Where it depends on the machine. */
  readonly goal?: number;
  /** Medians. */
  readonly ours: number;
  readonly floor: number;
  /** What others make of the same task, in the unit of `ours` unless the name says else; or why
   * there is no figure. */
  readonly peers: Peers;
}

export type Peers = Readonly<Record<string, number | string>>;
