/**
 * An invoice of 200 lines as a PDF, piped to the response by Express in CommonJS.
 *
 *   npx tsgi-threads pdf/app.cjs
 *   node pdf/app.cjs
 *   curl -o invoice.pdf http://127.0.0.1:3000/invoice.pdf
 */
const express = require('express');
const { writeInvoice } = require('./invoice.cjs');

const app = express();

app.get('/health', (request, response) => {
  response.type('text').send('ok\n');
});

app.get('/invoice.pdf', (request, response) => {
  response.type('pdf');
  writeInvoice(response);
});

// Listens if the file is the main program. A test would require the file and get the application.
if (require.main === module) {
  const server = app.listen(process.env.PORT ?? 3000, () => {
    console.log(`Invoices on http://127.0.0.1:${server.address().port}`);
  });
}

module.exports = app;
