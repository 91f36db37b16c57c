/**
 * A user with the page of the chat open.
 */
const PATIENCE_MS = 20_000;

export class Page {
  /** The WebSockets that the page has opened so far, and the open ones among them. */
  sockets = 0;
  open = 0;
  #page;

  constructor(person, page) {
    this.person = person;
    this.#page = page;
    page.on('websocket', (socket) => {
      this.sockets += 1;
      this.open += 1;
      socket.on('close', () => (this.open -= 1));
    });
  }

  /** Opens the page in a separate window with separate cookies. */
  static async open(browser, person, url) {
    const context = await browser.newContext();
    const page = new Page(person, await context.newPage());
    page.#page.setDefaultTimeout(PATIENCE_MS);
    await page.#page.goto(url);
    await page.#page.evaluate(() => (globalThis.neverLeft = true));
    return page;
  }

  async says(text) {
    await this.#page.fill('#text', text);
    await this.#page.press('#text', 'Enter');
  }

  async sees(lines) {
    const seen = await this.#until(
      (items) => items.length >= lines.length && items.every(({ waiting }) => !waiting),
      () =>
        this.#page.$$eval('#lines li', (items) =>
          items.map((item) => ({ text: item.textContent, waiting: item.className === 'waiting' })),
        ),
    );
    const texts = seen.map(({ text }) => text);
    if (seen.some(({ waiting }) => waiting)) throw new Error(`what ${this.person} said is not heard`);
    const missing = lines.filter((line) => !texts.includes(line));
    if (missing.length > 0) throw new Error(`${this.person} does not see ${missing.join('; ')}`);
    if (texts.length > lines.length) throw new Error(`${this.person} sees lines twice: ${texts.join('; ')}`);
  }

  /** Whether the page has reconnected by itself. */
  async isBack(before) {
    const back = await this.#until(
      (isBack) => isBack,
      async () => this.sockets > before && this.open > 0,
    );
    if (!back) throw new Error(`${this.person} is not back`);
  }

  /** Whether the page is still the one that was opened. */
  async wasNeverLeft() {
    if (!(await this.#page.evaluate(() => globalThis.neverLeft)))
      throw new Error(`the page of ${this.person} was loaded anew`);
  }

  /** Looks until the condition is true or the time is over. Returns the last observation. */
  async #until(holds, look) {
    const limit = performance.now() + PATIENCE_MS;
    for (;;) {
      const seen = await look();
      if (holds(seen) || performance.now() > limit) return seen;
      await this.#page.waitForTimeout(20);
    }
  }
}
