/*
 * Records what llhttp finds as spans, and applies the rules of HTTP that llhttp does not.
 *
 * Law: pure. It reads the bytes to parse, writes only the context at CONTEXT and the tables behind it, and calls only
 * llhttp_execute and llhttp_resume. It knows no socket and no limit outside the context. It reads every byte once, with
 * three exceptions:
 * - It checks a complete head once more.
 * - `plain-head.h` reads a head first. If the head is not plain, llhttp reads it again.
 * - HTTP allows a tab in places where llhttp does not. Such a head is read again with a space instead of the tab.
 *
 * `src/http/parser.ts` reads the context by the word numbers below: change both together.
 *
 * Memory: llhttp's own comes first (128 KiB). The shim's lies behind it, in a region that JavaScript has added once.
 * This module has no data and no stack, so nothing can collide.
 *
 * Spans are offsets from the head's first byte. A field that arrives in two reads causes two callbacks. Its bytes are
 * still contiguous, because JavaScript copies the saved head directly before the read buffer. So it becomes one span.
 */

#define CONTEXT 0x20000
#define PARSER (CONTEXT + 512)
#define PRISTINE (CONTEXT + 640)
#define PARSER_BYTES 80
#define BODY_SPANS (CONTEXT + 1024)
#define MAX_BODY_SPANS 512
#define HEADER_SPANS (CONTEXT + 8192)

typedef unsigned char byte;

struct span {
  int name, name_length, value, value_length;
};

struct context {
  /* results */
  int consumed;          /* 0 */
  int flags;             /* 1 */
  int head_start;        /* 2  address of the method's first byte */
  int head_length;       /* 3 */
  int header_count;      /* 4 */
  int method_length;     /* 5 */
  int target;            /* 6  offset */
  int target_length;     /* 7 */
  int head_complete;     /* 8 */
  int head_fresh;        /* 9 */
  int body_span_count;   /* 10 */
  int status;            /* 11 status of the response after an error */
  int reason;            /* 12 index into parser.ts's REASONS */
  int closes;            /* 13 Connection names "close" */
  double content_length; /* 14, 15; −1 unknown */
  /* limits, set once */
  int max_request_line;  /* 16 */
  int max_header_size;   /* 17 */
  int max_headers;       /* 18 */
  /* state of the message */
  int last;              /* 19 the last callback: NAME, VALUE or neither */
  int complete;          /* 20 */
  int mark;              /* 21 address of the first byte of a chunked body not yet counted, in this feed */
  int overhead;          /* 22 bytes of extensions and trailers so far, without the current gap */
  int gap;               /* 23 bytes since the last byte of chunk data */
  int blank;             /* 24 the last byte fed was the CR of an empty line before the request line */
  int fed_end;           /* 25 address behind the bytes fed last */
  int untouched;         /* 26 llhttp has read nothing of this message and still has the state of an earlier one */
  int unknown_method;    /* 27 llhttp has stopped at an unknown method, whose end is searched */
  int blanks;            /* 28 the last byte fed is white space behind a Content-Length */
  int other_coding;      /* 29 Transfer-Encoding names a coding besides chunked */
  /* hosts that a URL parser must check as well */
  int unusual;           /* 30 0, or UNUSUAL_HOST: the head completed in this feed has such a host */
  int host;              /* 31 offset of the Host field's value */
  int host_length;       /* 32 0: no check needed */
  int authority;         /* 33 offset of the target's authority */
  int authority_length;  /* 34 0: no check needed */
};

#define C ((struct context *)CONTEXT)
#define SPANS ((struct span *)HEADER_SPANS)

enum { NEITHER, NAME, VALUE };
enum { MORE, MESSAGE, BODY_FULL, ERROR };
/* Flag in the result of `feed`. */
enum { UNUSUAL_HOST = 8 };
/* Errors of llhttp. */
enum {
  OK,
  INVALID_METHOD = 6,
  INVALID_CONSTANT = 8,
  INVALID_VERSION = 9,
  INVALID_CONTENT_LENGTH = 11,
  INVALID_TRANSFER_ENCODING = 15,
  PAUSED = 21,
  UPGRADE_PAUSE = 22,
  H2_PREFACE = 23,
  USER = 24,
};

enum {
  HTTP_1_1 = 1,
  KEEP_ALIVE = 2,
  CHUNKED = 4,
  HAS_LENGTH = 8,
  EXPECT_CONTINUE = 16,
  HEAD_METHOD = 32,
  UPGRADE = 64,
  ABSOLUTE_TARGET = 128,
  CONNECT = 256,
};

/* Indices into REASONS of src/http/parser.ts. */
enum {
  R_SYNTAX = 1,
  R_REQUEST_LINE,
  R_HEADER_SIZE,
  R_HEADER_COUNT,
  R_VERSION,
  R_REQUEST_LINE_SYNTAX,
  R_TARGET,
  R_CONNECT,
  R_HOST_COUNT,
  R_HOST,
  R_LENGTH,
  R_ENCODING,
  R_EXPECT,
  R_CHUNK_OVERHEAD,
  R_METHOD,
  R_CODING,
};

/*
 * Two CRLFs and a size stand between the data of two chunks: at most this many bytes. More bytes carry more than
 * framing.
 */
#define FRAMING 16
#define MAX_OVERHEAD 8192
/* " HTTP/1.1" and CRLF. */
#define VERSION_BYTES 11

#define IMPORT(name) __attribute__((import_module("llhttp"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(llhttp_execute) int llhttp_execute(int parser, int at, int length);
IMPORT(llhttp_resume) void llhttp_resume(int parser);
IMPORT(llhttp_get_error_pos) int llhttp_get_error_pos(int parser);

static int refuse(int status, int reason) {
  if (C->status == 0) {
    C->status = status;
    C->reason = reason;
  }
  return USER;
}

static const byte *bytes_at(int offset) { return (const byte *)(C->head_start + offset); }

/*
 * Compares with a lower-case literal and ignores case. Both have `length` bytes. The loop is unrolled: a literal that
 * is read byte by byte would need data, which would lie in llhttp's memory. `native/build.js` rejects a module with
 * data.
 */
__attribute__((always_inline)) static inline int same(const byte *at, const char *lower, int length) {
#pragma clang loop unroll(full)
  for (int i = 0; i < length; i++) {
    byte c = at[i];
    if (c >= 'A' && c <= 'Z') c |= 0x20;
    if (c != (byte)lower[i]) return 0;
  }
  return 1;
}

#define IS(span_at, span_length, literal) \
  ((span_length) == (int)sizeof(literal) - 1 && same(bytes_at(span_at), literal, (int)sizeof(literal) - 1))

static int is_digit(byte c) { return c >= '0' && c <= '9'; }
static int is_alpha(byte c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static int is_hex(byte c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

static int is_blank(byte c) { return c == ' ' || c == '\t'; }

/* RFC 9110 §5.6.2. */
static int is_token_byte(byte c) {
  if (is_digit(c) || is_alpha(c)) return 1;
  switch (c) {
    case '!': case '#': case '$': case '%': case '&': case '\'': case '*': case '+': case '-': case '.': case '^':
    case '_': case '`': case '|': case '~':
      return 1;
  }
  return 0;
}

/* Bytes of a host name besides letters, digits, '-', '.' and '_': RFC 3986 '~', sub-delims and '%'. */
static int is_rare_name_byte(byte c) {
  switch (c) {
    case '~': case '%': case '!': case '$': case '&': case '\'': case '(': case ')': case '*': case '+': case ',':
    case ';': case '=':
      return 1;
  }
  return 0;
}

/* Four numbers up to 255 without leading zeros. */
static int is_dotted_quad(const byte *at, int length) {
  int i = 0;
  for (int dots = 0;; dots++) {
    int start = i, number = 0;
    while (i < length && is_digit(at[i]) && i - start < 3) number = number * 10 + (at[i++] - '0');
    if (i == start || number > 255 || (at[start] == '0' && i - start > 1)) return 0;
    if (dots == 3) return i == length;
    if (i == length || at[i++] != '.') return 0;
  }
}

/* UNUSUAL: legal by RFC 3986, but a URL parser may reject it: an invalid address, an IDN, an escape. */
enum { MALFORMED, COMMON, UNUSUAL };

/* Returns the length of the host name at `at`. Sets `verdict` if the name is not COMMON. */
static int judge_name(const byte *at, int length, int *verdict) {
  int i = 0, label = 0, last = 0;
  for (; i < length && at[i] != ':'; i++) {
    byte c = at[i];
    if (is_alpha(c) || is_digit(c) || c == '_') continue;
    if (c == '.') {
      if (i > label) last = label;
      label = i + 1;
    } else if (c != '-') {
      *verdict = is_rare_name_byte(c) ? UNUSUAL : MALFORMED;
      if (*verdict == MALFORMED) return i;
    } else if (i > 0 && at[i - 1] == '-') {
      *verdict = UNUSUAL;
    }
  }
  if (i > label) last = label;
  if (i == 0) *verdict = MALFORMED;
  /* A URL parser reads a name whose last label is a number as an address. */
  else if (is_digit(at[last]) && !is_dotted_quad(at, i)) *verdict = UNUSUAL;
  return i;
}

/* Length of the address in brackets at `at`. */
static int judge_bracketed(const byte *at, int length, int *verdict) {
  int i = 1;
  while (i < length && (is_hex(at[i]) || at[i] == ':' || at[i] == '.')) i++;
  *verdict = i < length && at[i] == ']' && i > 2 ? UNUSUAL : MALFORMED;
  return i + 1;
}

/* uri-host [ ":" port ], RFC 9110 §7.2. An empty name is invalid in http and https (§4.2). */
static int judge_authority(const byte *at, int length) {
  int verdict = COMMON;
  if (length == 0) return MALFORMED;
  int i = at[0] == '[' ? judge_bracketed(at, length, &verdict) : judge_name(at, length, &verdict);
  if (verdict == MALFORMED || i == length) return verdict;
  if (at[i++] != ':') return MALFORMED;
  int port = 0;
  for (; i < length; i++) {
    if (!is_digit(at[i])) return MALFORMED;
    port = port * 10 + (at[i] - '0');
    if (port > 65535) return MALFORMED;
  }
  return verdict;
}

/* Checks the Host field. An empty one is legal: the target URI may have no authority (RFC 9112 §3.2). */
static int check_host(const struct span *field) {
  if (field->value_length == 0) return OK;
  int verdict = judge_authority(bytes_at(field->value), field->value_length);
  if (verdict == MALFORMED) return refuse(400, R_HOST);
  if (verdict == COMMON) return OK;
  C->unusual = UNUSUAL_HOST;
  C->host = field->value;
  C->host_length = field->value_length;
  return OK;
}

/* Checks the authority of the target; `start` is an offset. */
static int check_authority(int start, int length) {
  int verdict = judge_authority(bytes_at(start), length);
  if (verdict != UNUSUAL) return verdict == COMMON;
  C->unusual = UNUSUAL_HOST;
  C->authority = start;
  C->authority_length = length;
  return 1;
}

/* Whether a valid authority has a port. An IPv6 address ends with its bracket, so digits behind a colon are a port. */
static int has_port(const byte *at, int length) {
  int i = length;
  while (i > 0 && is_digit(at[i - 1])) i--;
  return i > 1 && i < length && at[i - 1] == ':';
}

static int check_absolute(const byte *at, int length) {
  int i = 0;
  if (length >= 7 && same(at, "http://", 7)) i = 7;
  if (length >= 8 && same(at, "https://", 8)) i = 8;
  if (i == 0) return 0;
  int start = i;
  while (i < length && at[i] != '/' && at[i] != '?') i++;
  if (!check_authority(C->target + start, i - start)) return 0;
  C->flags |= ABSOLUTE_TARGET;
  return 1;
}

/* RFC 9112 §3.2.3: a host and a port. llhttp treats the bytes behind the head as those of the tunnel. */
static int check_connect(void) {
  const byte *at = bytes_at(C->target);
  int length = C->target_length;
  C->flags |= CONNECT;
  return check_authority(C->target, length) && has_port(at, length) ? OK : refuse(400, R_TARGET);
}

/* RFC 9112 §3.2: origin-form, absolute-form, and the asterisk for OPTIONS. */
static int check_target(void) {
  const byte *at = bytes_at(C->target);
  int length = C->target_length;
  for (int i = 0; i < length; i++)
    if (at[i] <= ' ' || at[i] >= 0x7f || at[i] == '#') return refuse(400, R_TARGET);
  if (length > 0 && at[0] == '/') return OK;
  if (IS(0, C->method_length, "options") && length == 1 && at[0] == '*') return OK;
  return check_absolute(at, length) ? OK : refuse(400, R_TARGET);
}

/* The text decides the version: llhttp also accepts 0.9, 2.0, and a line that ends with a bare LF. */
static int check_request_line(void) {
  int method = 0;
  while (method < C->target && *bytes_at(method) != ' ') method++;
  C->method_length = method;
  if (C->target != method + 1) return refuse(400, R_REQUEST_LINE_SYNTAX);
  const byte *version = bytes_at(C->target + C->target_length);
  if (!same(version, " http/", 6) || version[1] != 'H' || version[2] != 'T' || version[3] != 'T' || version[4] != 'P')
    return refuse(400, R_VERSION);
  if (version[6] != '1' || version[7] != '.' || (version[8] != '0' && version[8] != '1')) return refuse(505, R_VERSION);
  if (version[9] != '\r' || version[10] != '\n') return refuse(400, R_VERSION);
  if (C->target + C->target_length + 9 > C->max_request_line) return refuse(414, R_REQUEST_LINE);
  if (version[8] == '1') C->flags |= HTTP_1_1;
  if (IS(0, method, "head")) C->flags |= HEAD_METHOD;
  if (IS(0, method, "connect")) return check_connect();
  return check_target();
}

static int check_length(const struct span *field) {
  const byte *at = bytes_at(field->value);
  double length = 0;
  if ((C->flags & HAS_LENGTH) != 0 || field->value_length == 0) return refuse(400, R_LENGTH);
  for (int i = 0; i < field->value_length; i++) {
    if (!is_digit(at[i])) return refuse(400, R_LENGTH);
    length = length * 10 + (at[i] - '0');
    if (length > 9007199254740991.0) return refuse(400, R_LENGTH);
  }
  C->flags |= HAS_LENGTH;
  C->content_length = length;
  return OK;
}

/*
 * RFC 9112 §6.1, §7: a list of codings, in any number of fields. Only `chunked` is supported. It must come last, and
 * only once. An empty element is refused although the list syntax allows it: attackers hide a coding behind one.
 */
static int check_coding(int start, int length) {
  const byte *at = bytes_at(start);
  int token = 0;
  while (token < length && is_token_byte(at[token])) token++;
  if (token == 0 || (C->flags & CHUNKED) != 0) return refuse(400, R_ENCODING);
  if (IS(start, token, "chunked")) {
    if (token != length) return refuse(400, R_ENCODING);
    C->flags |= CHUNKED;
    return OK;
  }
  /* Either parameters follow, or the value ends. */
  int behind = token;
  while (behind < length && is_blank(at[behind])) behind++;
  if (behind < length && at[behind] != ';') return refuse(400, R_ENCODING);
  C->other_coding = 1;
  return OK;
}

static int check_encoding(const struct span *field) {
  int end = field->value + field->value_length;
  if ((C->flags & HTTP_1_1) == 0) return refuse(400, R_ENCODING);
  for (int i = field->value;; i++) {
    while (i < end && is_blank(*bytes_at(i))) i++;
    int start = i;
    while (i < end && *bytes_at(i) != ',') i++;
    int length = i - start;
    while (length > 0 && is_blank(*bytes_at(start + length - 1))) length--;
    int error = check_coding(start, length);
    if (error != OK || i == end) return error;
  }
}

static int check_expect(const struct span *field) {
  if ((C->flags & HTTP_1_1) == 0) return OK;
  if (!IS(field->value, field->value_length, "100-continue")) return refuse(417, R_EXPECT);
  C->flags |= EXPECT_CONTINUE;
  return OK;
}

/* RFC 9110 §7.6.1: a list of options, in any number of fields. "close" wins over "keep-alive" (RFC 9112 §9.3). */
static void read_connection(const struct span *field) {
  int end = field->value + field->value_length;
  for (int i = field->value; i < end; i++) {
    while (i < end && is_blank(*bytes_at(i))) i++;
    int start = i;
    while (i < end && *bytes_at(i) != ',') i++;
    int length = i - start;
    while (length > 0 && is_blank(*bytes_at(start + length - 1))) length--;
    if (IS(start, length, "close")) C->closes = 1;
    if (IS(start, length, "keep-alive")) C->flags |= KEEP_ALIVE;
  }
}

/* Trims trailing white space, which llhttp keeps. llhttp refuses control bytes (RFC 9110 §5.5). */
static void trim(struct span *field) {
  const byte *at = bytes_at(field->value);
  while (field->value_length > 0 && is_blank(at[field->value_length - 1])) field->value_length--;
}

#include "plain-head.h"

static int check_fields(void) {
  int hosts = 0;
  for (int i = 0; i < C->header_count; i++) {
    struct span *field = &SPANS[i];
    int error = OK;
    trim(field);
    switch (field->name_length) {
      case 4:
        if (!IS(field->name, 4, "host")) break;
        if (++hosts > 1) return refuse(400, R_HOST_COUNT);
        error = check_host(field);
        break;
      case 6:
        if (IS(field->name, 6, "expect")) error = check_expect(field);
        break;
      case 10:
        if (IS(field->name, 10, "connection")) read_connection(field);
        break;
      case 14:
        if (IS(field->name, 14, "content-length")) error = check_length(field);
        break;
      case 17:
        if (IS(field->name, 17, "transfer-encoding")) error = check_encoding(field);
        break;
    }
    if (error != OK) return error;
  }
  if (hosts == 0 && (C->flags & HTTP_1_1) != 0) return refuse(400, R_HOST_COUNT);
  if (((C->flags & CHUNKED) != 0 || C->other_coding) && (C->flags & HAS_LENGTH) != 0) return refuse(400, R_ENCODING);
  /* RFC 9112 §6.1, §6.3: an unknown coding before chunked, or the end of the content is not defined. */
  if (C->other_coding) return (C->flags & CHUNKED) != 0 ? refuse(501, R_CODING) : refuse(400, R_ENCODING);
  /* RFC 9110 §9.3.6: such content has no meaning. An intermediary that reads it would continue at another byte. */
  if ((C->flags & CONNECT) != 0 && (C->flags & (CHUNKED | HAS_LENGTH)) != 0) return refuse(400, R_CONNECT);
  /* RFC 9112 §9.3. */
  if ((C->flags & HTTP_1_1) != 0) C->flags |= KEEP_ALIVE;
  if (C->closes) C->flags &= ~KEEP_ALIVE;
  return OK;
}

/* Offset of the first field, or of the empty line if there is no field. */
static int fields_start(void) { return C->target + C->target_length + VERSION_BYTES; }

/* Length of the head so far, without its last CRLF pair. */
static int head_bytes(void) {
  int end = C->target + C->target_length;
  if (C->header_count > 0) {
    const struct span *field = &SPANS[C->header_count - 1];
    end = C->last == VALUE ? field->value + field->value_length : field->name + field->name_length;
  }
  return end;
}

/* callbacks, in the order of the table */

EXPORT(on_message_begin) int on_message_begin(int parser) { return OK; }

EXPORT(on_url) int on_url(int parser, int at, int length) {
  if (C->target_length == 0) C->target = at - C->head_start;
  C->target_length += length;
  return C->target + C->target_length > C->max_request_line ? refuse(414, R_REQUEST_LINE) : OK;
}

EXPORT(on_status) int on_status(int parser, int at, int length) { return OK; }

EXPORT(on_header_field) int on_header_field(int parser, int at, int length) {
  if (C->head_complete) return OK;
  int offset = at - C->head_start;
  struct span *field = &SPANS[C->header_count - 1];
  if (C->last == NAME && field->name + field->name_length == offset) {
    field->name_length += length;
    return OK;
  }
  if (C->header_count >= C->max_headers) return refuse(431, R_HEADER_COUNT);
  field = &SPANS[C->header_count++];
  field->name = offset;
  field->name_length = length;
  field->value = offset + length;
  field->value_length = 0;
  C->last = NAME;
  return OK;
}

EXPORT(on_header_value) int on_header_value(int parser, int at, int length) {
  if (C->head_complete) return OK;
  int offset = at - C->head_start;
  struct span *field = &SPANS[C->header_count - 1];
  if (C->last != VALUE) field->value = offset;
  field->value_length = offset + length - field->value;
  C->last = VALUE;
  return OK;
}

EXPORT(on_headers_complete) int on_headers_complete(int parser, int status, int upgrade, int keep_alive) {
  C->flags = upgrade ? UPGRADE : 0;
  C->content_length = -1;
  C->other_coding = 0;
  C->unusual = 0;
  C->host_length = 0;
  C->authority_length = 0;
  C->head_length = head_bytes();
  if (C->head_length - fields_start() > C->max_header_size) return refuse(431, R_HEADER_SIZE);
  int error = check_request_line();
  if (error == OK) error = check_fields();
  if (error != OK) {
    C->unusual = 0;
    return error;
  }
  C->head_complete = 1;
  C->head_fresh = 1;
  /* The last field is followed by CRLF CRLF, or the request line by CRLF and an empty line. */
  C->mark = C->head_start + C->head_length + (C->header_count > 0 ? 4 : VERSION_BYTES + 2);
  return OK;
}

/*
 * Counts the bytes up to `to`, which are not chunk data. The boundaries of reads make no difference: a gap is checked
 * as it grows, and the next byte of data closes it.
 */
static int count_gap(int to) {
  C->gap += to - C->mark;
  C->mark = to;
  return C->overhead + C->gap - FRAMING > MAX_OVERHEAD ? refuse(400, R_CHUNK_OVERHEAD) : OK;
}

static int close_gap(int at) {
  int error = count_gap(at);
  if (C->gap > FRAMING) C->overhead += C->gap - FRAMING;
  C->gap = 0;
  return error;
}

EXPORT(on_body) int on_body(int parser, int at, int length) {
  int *span = (int *)(BODY_SPANS + C->body_span_count * 8);
  span[0] = at;
  span[1] = length;
  C->body_span_count++;
  if ((C->flags & CHUNKED) != 0) {
    if (close_gap(at) != OK) return USER;
    C->mark = at + length;
  }
  return C->body_span_count == MAX_BODY_SPANS ? PAUSED : OK;
}

EXPORT(on_message_complete) int on_message_complete(int parser) {
  C->complete = 1;
  return PAUSED;
}

static void reset_llhttp(void) {
  for (int i = 0; i < PARSER_BYTES; i += 4) *(int *)(PARSER + i) = *(int *)(PRISTINE + i);
  C->untouched = 0;
}

/* called by JavaScript */

/* The next byte that JavaScript feeds is the first of a message. */
EXPORT(start) void start(void) {
  C->untouched = 1;
  C->head_start = 0;
  C->header_count = 0;
  C->target = 0;
  C->target_length = 0;
  C->head_length = 0;
  C->head_complete = 0;
  C->status = 0;
  C->last = NEITHER;
  C->complete = 0;
  C->closes = 0;
  C->overhead = 0;
  C->gap = 0;
  C->blank = 0;
  C->unknown_method = 0;
  C->blanks = 0;
}

/* Applies the limits to a head that is not complete at `end`. */
static int check_growth(int end) {
  int seen = end - C->head_start;
  if (C->target_length == 0) return seen > C->max_request_line ? refuse(414, R_REQUEST_LINE) : OK;
  /* A head of exactly the limit lacks at most the last byte of CRLF CRLF. */
  return seen - fields_start() > C->max_header_size + 3 ? refuse(431, R_HEADER_SIZE) : OK;
}

/* RFC 9112 §2.2: empty lines before a request line are ignored. Returns the address behind them. 0: a bare CR or LF. */
static int skip_empty_lines(int at, int end) {
  for (; at < end; at++) {
    byte c = *(byte *)at;
    if (C->blank ? c != '\n' : c == '\n') return 0;
    if (!C->blank && c != '\r') break;
    C->blank = c == '\r';
  }
  return at;
}

/*
 * A plain head that is complete in these bytes is a whole message. Returns the address behind it. 0: llhttp must parse
 * it. That includes a request line that is too long: its error must come before any error behind it.
 */
static int feed_plain(int at, int end) {
  struct plain_head head;
  int behind = read_plain_head(at, end, &head, SPANS, C->max_headers);
  if (behind == 0) return 0;
  if (head.target_end - at > C->max_request_line) return 0;
  C->target = head.target - at;
  C->target_length = head.target_end - head.target;
  C->header_count = head.header_count;
  C->last = VALUE;
  C->complete = 1;
  on_headers_complete(PARSER, 0, 0, 0);
  return behind;
}

/*
 * llhttp does not know the method: it is a token before a space, or malformed. Its end may not have arrived yet. The
 * boundaries of reads must make no difference.
 */
static int scan_method(int at, int end) {
  while (at < end && is_token_byte(*(byte *)at)) at++;
  if (at - C->head_start > C->max_request_line) refuse(400, R_REQUEST_LINE_SYNTAX);
  else if (at < end && at > C->head_start && *(byte *)at == ' ') refuse(501, R_METHOD);
  else if (at < end) refuse(400, R_REQUEST_LINE_SYNTAX);
  C->unknown_method = C->status == 0;
  return C->status == 0 ? MORE : ERROR;
}

/* White space around a value is optional: spaces or tabs (RFC 9110 §5.6.3). llhttp accepts no tab in some places. */
static int tabs_to_spaces(int at, int end) {
  int found = 0;
  for (; at < end && is_blank(*(byte *)at); at++) {
    found |= *(byte *)at == '\t';
    *(byte *)at = ' ';
  }
  C->blanks = at == end;
  return found;
}

/* Whether llhttp has stopped at such a tab, which is replaced by a space now. */
static int mend_tab(int error, int stop, int end) {
  if (error == INVALID_CONTENT_LENGTH && !C->head_complete) return stop < end && tabs_to_spaces(stop, end);
  /* The shim has found the message chunked, but llhttp has read the tab as a part of the coding. */
  if (error != INVALID_TRANSFER_ENCODING || !C->head_complete || (C->flags & CHUNKED) == 0) return 0;
  int found = 0;
  for (int i = 0; i < C->header_count; i++) {
    const struct span *field = &SPANS[i];
    if (!IS(field->name, field->name_length, "transfer-encoding")) continue;
    found |= tabs_to_spaces(C->head_start + field->value + field->value_length, end);
  }
  return found;
}

/* Parses the head from its first byte again. Its bytes end at `end` and have no gap. */
static int execute_again(int end) {
  C->header_count = 0;
  C->target = 0;
  C->target_length = 0;
  C->last = NEITHER;
  C->closes = 0;
  C->complete = 0;
  C->head_complete = 0;
  C->head_fresh = 0;
  C->body_span_count = 0;
  C->overhead = 0;
  C->gap = 0;
  reset_llhttp();
  return llhttp_execute(PARSER, C->head_start, end - C->head_start);
}

/* llhttp knows these methods too. It reports that they are not HTTP only after it has parsed the version. */
static int is_rtsp_method(void) {
  int length = C->target - 1;
  return IS(0, length, "describe") || IS(0, length, "announce") || IS(0, length, "setup") || IS(0, length, "play") ||
         IS(0, length, "pause") || IS(0, length, "teardown") || IS(0, length, "get_parameter") ||
         IS(0, length, "set_parameter") || IS(0, length, "redirect") || IS(0, length, "record") ||
         IS(0, length, "flush");
}

/* llhttp's error codes are too coarse or too fine, so the text decides. */
static int refuse_syntax(int error, int end) {
  const byte *version = bytes_at(C->target + C->target_length);
  switch (error) {
    case H2_PREFACE:
      return refuse(505, R_VERSION);
    case INVALID_CONSTANT:
      if (C->target_length > 0 && !C->head_complete && is_rtsp_method()) return refuse(501, R_METHOD);
      break;
    case INVALID_VERSION:
      if ((int)version + 9 >= end || version[6] != '1' || version[7] != '.') return refuse(505, R_VERSION);
      if ((version[8] != '0' && version[8] != '1') || is_digit(version[9])) return refuse(505, R_VERSION);
      /* The line does not end with CR LF. */
      return refuse(400, R_REQUEST_LINE_SYNTAX);
  }
  return refuse(400, R_SYNTAX);
}

/* Parses `length` bytes at `at`, up to the end of the message. */
static int feed_message(int at, int length) {
  int first = at, end = at + length;
  C->head_fresh = 0;
  C->unusual = 0;
  C->body_span_count = 0;
  C->consumed = length;
  C->fed_end = end;
  C->mark = at;
  if (C->status != 0) return ERROR;
  if (C->head_start == 0) {
    at = skip_empty_lines(at, end);
    if (at == end) return MORE;
    if (at == 0) {
      refuse(400, R_REQUEST_LINE_SYNTAX);
      return ERROR;
    }
    C->head_start = at;
    int behind = feed_plain(at, end);
    if (behind != 0) {
      C->consumed = behind - first;
      return C->status == 0 ? MESSAGE : ERROR;
    }
  }
  if (C->untouched) reset_llhttp();
  if (C->unknown_method) return scan_method(at, end);
  if (C->blanks) tabs_to_spaces(at, end);
  int error = llhttp_execute(PARSER, at, end - at);
  int stop = error == OK ? end : llhttp_get_error_pos(PARSER);
  while (error != OK && mend_tab(error, stop, end)) {
    error = execute_again(end);
    stop = error == OK ? end : llhttp_get_error_pos(PARSER);
  }
  if (error != OK && error != PAUSED && error != UPGRADE_PAUSE) {
    if (error == INVALID_METHOD && C->target_length == 0) return scan_method(C->head_start, end);
    /* A line that is too long gets that error first, as if it had arrived in pieces. */
    if (!C->head_complete) check_growth(stop);
    refuse_syntax(error, end);
    return ERROR;
  }
  if (error == PAUSED) llhttp_resume(PARSER);
  if (C->status != 0) return ERROR;
  if (!C->head_complete) return check_growth(end) == OK ? MORE : ERROR;
  if ((C->flags & CHUNKED) != 0 && count_gap(stop) != OK) return ERROR;
  C->consumed = stop - first;
  if (C->complete) return MESSAGE;
  return error == PAUSED ? BODY_FULL : MORE;
}

/* Returns MORE, MESSAGE, BODY_FULL or ERROR, plus UNUSUAL_HOST if the head completed now has such a host. */
EXPORT(feed) int feed(int at, int length) { return feed_message(at, length) | C->unusual; }
