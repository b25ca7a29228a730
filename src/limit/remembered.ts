const REMEMBERED = 8192;

/** Answers a question about a text once and remembers the answer, for the 8,192 to 16,384 texts asked about last. */
export class Remembered<Answer> {
  #recent = new Map<string, Answer>();
  #older = new Map<string, Answer>();
  readonly #find: (text: string) => Answer;

  constructor(find: (text: string) => Answer) {
    this.#find = find;
  }

  of(text: string): Answer {
    let answer = this.#recent.get(text);
    if (answer !== undefined) return answer;
    answer = this.#older.get(text) ?? this.#find(text);
    if (this.#recent.size >= REMEMBERED) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(text, answer);
    return answer;
  }
}
