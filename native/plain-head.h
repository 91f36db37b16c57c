/*
 * A second reader of heads, for those about which nothing can be in doubt: a GET or HEAD of HTTP/1.1 without content,
 * written as every client writes it, whole in the bytes that were read. Eight bytes at a time, which takes a quarter
 * of llhttp's time.
 *
 * Law: pure; bytes in, spans out, no state. It never refuses: of whatever it does not know it says so, and llhttp
 * reads that from its first byte. So what it takes must be a part of what llhttp takes, with the same spans: it takes
 * less on purpose (no other method, no other form of target, no field that speaks of framing, no empty value, no tab,
 * no byte in a name but letters, digits and '-'). llhttp sees every head that comes in pieces, so the tests of
 * `test/http`, which cut each message at every byte, compare the two.
 *
 * It may read 8 bytes behind `end`, and believes none of them; `src/http/parser.ts` leaves room for them.
 */

typedef unsigned long long word;
typedef struct { word value; } __attribute__((packed, aligned(1))) unaligned_word;
typedef struct { int value; } __attribute__((packed, aligned(1))) unaligned_int;

#define WORD_AT(at) (((const unaligned_word *)(at))->value)
#define INT_AT(at) (((const unaligned_int *)(at))->value)
/* Four characters as the word that they are in memory. */
#define FOUR(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (d) << 24)

/*
 * Eight bytes at a time. A byte is marked by its highest bit. Where a subtraction borrows, bytes above a marked one may
 * be marked as well; the lowest mark is always right, and only that is used.
 */
#define EACH(byte) ((byte) * 0x0101010101010101ULL)
#define HIGH EACH(0x80)
#define BELOW(v, n) (((v) - EACH(n)) & ~(v) & HIGH)
#define EQUAL(v, n) BELOW((v) ^ EACH(n), 1)
/* Of bytes below 0x80, without any borrow. */
#define FROM(v, n) ((v) + EACH(0x80 - (n)))

#define FIRST(marks) (__builtin_ctzll(marks) >> 3)

/* Address of the first byte that is no visible ASCII. */
static int target_end(int at, int end) {
  for (; at < end; at += 8) {
    word v = WORD_AT(at);
    word marks = BELOW(v, 0x21) | EQUAL(v, 0x7f) | (v & HIGH);
    if (marks != 0) return at + FIRST(marks);
  }
  return end;
}

/* Address of the first byte that is no letter, digit or '-'. */
static int name_end(int at, int end) {
  for (; at < end; at += 8) {
    word v = WORD_AT(at), low = v & ~HIGH, lower = low | EACH(0x20);
    word letter = FROM(lower, 'a') & ~FROM(lower, 'z' + 1);
    word digit = FROM(low, '0') & ~FROM(low, '9' + 1);
    word dash = ~FROM(low ^ EACH('-'), 1);
    word marks = (~(letter | digit | dash) | v) & HIGH;
    if (marks != 0) return at + FIRST(marks);
  }
  return end;
}

/* Address of the first control byte. */
static int value_end(int at, int end) {
  for (; at < end; at += 8) {
    word v = WORD_AT(at);
    word marks = BELOW(v, 0x20) | EQUAL(v, 0x7f);
    if (marks != 0) return at + FIRST(marks);
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
