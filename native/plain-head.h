/*
 * A second parser for heads that are beyond doubt: a GET or HEAD of HTTP/1.1 without content, in the usual form,
 * complete in one read. It reads eight bytes at a time and takes a quarter of llhttp's time.
 *
 * Law: pure; bytes in, spans out, no state. It never refuses a head. It returns 0 for everything that it does not know,
 * and llhttp then reads the head from its first byte. So it may accept only a subset of what llhttp accepts, with the
 * same spans. It accepts less on purpose: no other method, no other form of target, no field about framing, no empty
 * value, no tab, and no byte in a name except letters, digits and '-'. llhttp parses every head that arrives in pieces.
 * So the tests of `test/http`, which cut each message at every byte, compare the two parsers.
 *
 * It may read 8 bytes past `end`, and uses none of them; `src/http/parser.ts` leaves room for them.
 */

typedef unsigned long long word;
typedef struct { word value; } __attribute__((packed, aligned(1))) unaligned_word;
typedef struct { int value; } __attribute__((packed, aligned(1))) unaligned_int;

#define WORD_AT(at) (((const unaligned_word *)(at))->value)
#define INT_AT(at) (((const unaligned_int *)(at))->value)
/* Four characters as one word, in the byte order of memory. */
#define FOUR(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (d) << 24)

/*
 * Eight bytes at a time. The highest bit of a byte marks it. If a subtraction borrows, bytes above a marked one may be
 * marked wrongly. The lowest mark is always right, and only that one is used.
 */
#define EACH(byte) ((byte) * 0x0101010101010101ULL)
#define HIGH EACH(0x80)
#define BELOW(v, n) (((v) - EACH(n)) & ~(v) & HIGH)
#define EQUAL(v, n) BELOW((v) ^ EACH(n), 1)
/* For bytes below 0x80. Nothing carries, so every mark is right. */
#define FROM(v, n) ((v) + EACH(0x80 - (n)))

#define FIRST(marks) (__builtin_ctzll(marks) >> 3)

/* Address of the first byte that is not visible ASCII. */
static int target_end(int at, int end) {
  for (; at < end; at += 8) {
    word v = WORD_AT(at);
    word marks = BELOW(v, 0x21) | EQUAL(v, 0x7f) | (v & HIGH);
    if (marks != 0) return at + FIRST(marks);
  }
  return end;
}

/* Address of the first byte that is not a letter, a digit or '-'. */
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

/* Fields that state how long a message is, or what follows it. */
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

/* Address behind the head that begins at `at`. 0: the head is not plain, not complete, or has too many fields. */
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
    /* Also if the last value was read past `end`. */
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
