/** At most so many at a time; the others wait in order. Without it they would wait inside the HTTP agent, with their timeouts running. */
export class Slots {
  private readonly waiting: (() => void)[] = [];
  private free: number;

  constructor(
    count: number,
    private readonly waitingMax: number,
  ) {
    this.free = count;
  }

  /** False: as many wait already as may. */
  async take(): Promise<boolean> {
    if (this.free > 0) {
      this.free--;
      return true;
    }
    if (this.waiting.length >= this.waitingMax) return false;
    await new Promise<void>((turn) => this.waiting.push(turn));
    return true;
  }

  give(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
}
