/**
 * Draws the invoice.
 */
const PDFDocument = require('pdfkit');

const LINES = 200;
const PER_PAGE = 40;
const TOP = 110;
const LINE_HEIGHT = 16;
const COLUMNS = { item: 50, description: 110, amount: 440 };
/** The date belongs to the invoice, not to the request: the same invoice always gives the same file. */
const ISSUED = new Date('2026-01-31T12:00:00Z');

/** Draws the invoice into a stream and ends the stream. */
function writeInvoice(stream) {
  const document = new PDFDocument({
    size: 'A4',
    info: { Title: 'Invoice 2026-0131', CreationDate: ISSUED },
  });
  document.pipe(stream);
  let total = 0;
  for (let line = 0; line < LINES; line++) {
    if (line % PER_PAGE === 0) startPage(document, line / PER_PAGE);
    const amount = ((line * 7919) % 50_000) / 100;
    total += amount;
    const y = TOP + (line % PER_PAGE) * LINE_HEIGHT;
    document.text(String(line + 1), COLUMNS.item, y);
    document.text(`Hours of work on part ${line + 1}, as agreed`, COLUMNS.description, y);
    document.text(amount.toFixed(2), COLUMNS.amount, y, { width: 80, align: 'right' });
  }
  document
    .font('Helvetica-Bold')
    .text(total.toFixed(2), COLUMNS.amount, undefined, { width: 80, align: 'right' });
  document.end();
}

function startPage(document, index) {
  if (index > 0) document.addPage();
  document
    .font('Helvetica-Bold')
    .fontSize(16)
    .text(`Invoice 2026-0131, page ${index + 1}`, COLUMNS.item, 60);
  document.font('Helvetica').fontSize(10);
}

module.exports = { writeInvoice };
