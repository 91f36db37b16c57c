/**
 * Somebody who has the chat's page open.
 */
const PATIENCE_MS = 20_000;

export class Page {
  /** WebSockets that it has opened so far, and of those the ones that are open. */
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

  /** In a window of its own, with cookies of its own. */
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

  /** It has connected anew by itself. */
  async isBack(before) {
    const back = await this.#until(
      (isBack) => isBack,
      async () => this.sockets > before && this.open > 0,
    );
    if (!back) throw new Error(`${this.person} is not back`);
  }

  /** The page that was opened is the one that is there. */
  async wasNeverLeft() {
    if (!(await this.#page.evaluate(() => globalThis.neverLeft)))
      throw new Error(`the page of ${this.person} was loaded anew`);
  }

  /** Looks until it holds, or patience is at its end; what it saw last. */
  async #until(holds, look) {
    const limit = performance.now() + PATIENCE_MS;
    for (;;) {
      const seen = await look();
      if (holds(seen) || performance.now() > limit) return seen;
      await this.#page.waitForTimeout(20);
    }
  }
}
