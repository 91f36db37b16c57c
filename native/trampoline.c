/*
 * Forwards llhttp's eight imports through a table.
 *
 * Law: no state, no memory. llhttp exports its memory, so a module that reads this memory can be instantiated only
 * after llhttp. llhttp can be instantiated only when its imports exist. This module breaks the circle. It is
 * instantiated first. Its functions call the functions of `shim.c`, which are in the table before the first byte is
 * parsed. No call enters JavaScript. The order of the table is the order below; `src/http/wasm.ts` fills it.
 */
typedef int (*data_callback)(int parser, int at, int length);
typedef int (*callback)(int parser);
typedef int (*head_callback)(int parser, int status, int upgrade, int keep_alive);

#define EXPORT(name) __attribute__((export_name(#name)))
/* Entry n of the imported table. Entry 0 stays empty: a call through a null pointer traps. */
#define SLOT(type, n) ((type)(n))

EXPORT(wasm_on_message_begin) int message_begin(int p) { return SLOT(callback, 1)(p); }
EXPORT(wasm_on_url) int url(int p, int at, int n) { return SLOT(data_callback, 2)(p, at, n); }
EXPORT(wasm_on_status) int status(int p, int at, int n) { return SLOT(data_callback, 3)(p, at, n); }
EXPORT(wasm_on_header_field) int field(int p, int at, int n) { return SLOT(data_callback, 4)(p, at, n); }
EXPORT(wasm_on_header_value) int value(int p, int at, int n) { return SLOT(data_callback, 5)(p, at, n); }
EXPORT(wasm_on_headers_complete) int head(int p, int s, int u, int k) { return SLOT(head_callback, 6)(p, s, u, k); }
EXPORT(wasm_on_body) int body(int p, int at, int n) { return SLOT(data_callback, 7)(p, at, n); }
EXPORT(wasm_on_message_complete) int message_complete(int p) { return SLOT(callback, 8)(p); }
