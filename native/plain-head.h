/*
 * A second reader of heads, for those about which nothing can be in doubt: a GET or HEAD of HTTP/1.1 without content,
 * written as every client writes it, whole in the bytes that were read. Sixteen bytes at a time, which takes a quarter
 * of llhttp's time.
 *
 * Law: pure; bytes in, spans out, no state. It never refuses: of whatever it does not know it says so, and llhttp
 * reads that from its first byte. So what it takes must be a part of what llhttp takes, with the same spans: it takes
 * less on purpose (no other method, no other form of target, no field that speaks of framing, no empty value, no tab,
 * no byte in a name but letters, digits, '-' and '_'). llhttp sees every head that comes in pieces, so the tests of
 * `test/http`, which cut each message at every byte, compare the two.
 *
 * It may read 15 bytes behind `end`; `src/http/parser.ts` leaves room for them.
 */

typedef byte vector __attribute__((vector_size(16)));
typedef struct { vector value; } __attribute__((packed, aligned(1))) unaligned_vector;
typedef struct { int value; } __attribute__((packed, aligned(1))) unaligned_int;

#define INT_AT(at) (((const unaligned_int *)(at))->value)
#define VECTOR_AT(at) (((const unaligned_vector *)(at))->value)
/* Four characters as the word that they are in memory. */
#define FOUR(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (d) << 24)

/* Which of 16 is the first that is marked; 16: none. */
static int first_marked(vector marks) {
  int bits = __builtin_wasm_bitmask_i8x16(marks);
  return bits == 0 ? 16 : __builtin_ctz(bits);
}

/* Address of the first byte that is no visible ASCII. */
static int target_end(int at, int end) {
  for (; at < end; at += 16) {
    vector v = VECTOR_AT(at);
    int n = first_marked((vector)(v - 0x21 > 0x7e - 0x21));
    if (n < 16) return at + n;
  }
  return end;
}

/* Address of the first byte that cannot be part of a name. */
static int name_end(int at, int end) {
  for (; at < end; at += 16) {
    vector v = VECTOR_AT(at);
    vector letter = (vector)((v | 0x20) - 'a' < 26), digit = (vector)(v - '0' < 10);
    int n = first_marked(~(letter | digit | (vector)(v == '-') | (vector)(v == '_')));
    if (n < 16) return at + n;
  }
  return end;
}

/* Address of the first control byte. */
static int value_end(int at, int end) {
  for (; at < end; at += 16) {
    vector v = VECTOR_AT(at);
    int n = first_marked((vector)(v < ' ') | (vector)(v == 0x7f));
    if (n < 16) return at + n;
  }
  return end;
}

/* Fields that say how long a message is, or what follows it. */
static int is_framing(int at, int length) {
  switch (length) {
    case 7:
      return same((const byte *)at, "upgrade", 7);
    case 14:
      return same((const byte *)at, "content-length", 14);
    case 17:
      return same((const byte *)at, "transfer-encoding", 17);
  }
  return 0;
}

struct plain_head {
  int target, target_end; /* addresses */
  int header_count;
};

/* Address behind the head that begins at `at`, or 0: it is not plain, or not all there, or has too many fields. */
static int read_plain_head(int at, int end, struct plain_head *head, struct span *spans, int max_headers) {
  int start = at;
  if (INT_AT(at) == FOUR('G', 'E', 'T', ' ')) at += 4;
  else if (INT_AT(at) == FOUR('H', 'E', 'A', 'D') && *(byte *)(at + 4) == ' ') at += 5;
  else return 0;
  if (*(byte *)at != '/') return 0;
  head->target = at;
  at = target_end(at, end);
  head->target_end = at;
  if (end - at < VERSION_BYTES) return 0;
  if (INT_AT(at) != FOUR(' ', 'H', 'T', 'T') || INT_AT(at + 4) != FOUR('P', '/', '1', '.')) return 0;
  if (INT_AT(at + 7) != FOUR('.', '1', '\r', '\n')) return 0;
  at += VERSION_BYTES;
  int count = 0;
  for (;;) {
    /* Also when what was read last went on behind `end`. */
    if (end - at < 2) return 0;
    if (*(byte *)at == '\r') break;
    if (count == max_headers) return 0;
    int name = at;
    at = name_end(at, end);
    if (at == name || *(byte *)at != ':' || is_framing(name, at - name)) return 0;
    struct span *field = &spans[count++];
    field->name = name - start;
    field->name_length = at++ - name;
    while (at < end && *(byte *)at == ' ') at++;
    field->value = at - start;
    int value = at;
    at = value_end(at, end);
    field->value_length = at - value;
    if (at == value || *(byte *)at != '\r' || *(byte *)(at + 1) != '\n') return 0;
    at += 2;
  }
  if (*(byte *)(at + 1) != '\n') return 0;
  head->header_count = count;
  return at + 2;
}
