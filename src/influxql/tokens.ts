/**
 * Tokens of InfluxQL. A token's kind is the very text with which messages name it, so keywords and
 * operators stand for themselves; some kinds have no such name, see `tokenName`.
 */

const keywordList = [
  'ALL',
  'ALTER',
  'ANALYZE',
  'ANY',
  'AS',
  'ASC',
  'BEGIN',
  'BY',
  'CARDINALITY',
  'CREATE',
  'CONTINUOUS',
  'DATABASE',
  'DATABASES',
  'DEFAULT',
  'DELETE',
  'DESC',
  'DESTINATIONS',
  'DIAGNOSTICS',
  'DISTINCT',
  'DROP',
  'DURATION',
  'END',
  'EVERY',
  'EXACT',
  'EXPLAIN',
  'FIELD',
  'FOR',
  'FROM',
  'GRANT',
  'GRANTS',
  'GROUP',
  'GROUPS',
  'IN',
  'INF',
  'INSERT',
  'INTO',
  'KEY',
  'KEYS',
  'KILL',
  'LIMIT',
  'MEASUREMENT',
  'MEASUREMENTS',
  'NAME',
  'OFFSET',
  'ON',
  'ORDER',
  'PASSWORD',
  'POLICY',
  'POLICIES',
  'PRIVILEGES',
  'QUERIES',
  'QUERY',
  'READ',
  'REPLICATION',
  'RESAMPLE',
  'RETENTION',
  'REVOKE',
  'SELECT',
  'SERIES',
  'SET',
  'SHOW',
  'SHARD',
  'SHARDS',
  'SLIMIT',
  'SOFFSET',
  'STATS',
  'SUBSCRIPTION',
  'SUBSCRIPTIONS',
  'TAG',
  'TO',
  'USER',
  'USERS',
  'VALUES',
  'WHERE',
  'WITH',
  'WRITE',
  'AND',
  'OR',
  'TRUE',
  'FALSE',
] as const;

export type Keyword = (typeof keywordList)[number];

export type Token =
  | Keyword
  | 'ILLEGAL'
  | 'EOF'
  | 'WS'
  | 'COMMENT'
  | 'IDENT'
  | 'BOUNDPARAM'
  | 'NUMBER'
  | 'INTEGER'
  | 'DURATIONVAL'
  | 'STRING'
  | 'BADSTRING'
  | 'BADESCAPE'
  | 'REGEX'
  | 'BADREGEX'
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '='
  | '!='
  | '=~'
  | '!~'
  | '<'
  | '<='
  | '>'
  | '>='
  | '('
  | ')'
  | ','
  | ':'
  | '::'
  | ';'
  | '.';

const keywords: ReadonlyMap<string, Keyword> = new Map(
  keywordList.map((word) => [word.toLowerCase(), word]),
);

const keywordLengthMax = 13;

export function lookupKeyword(word: string): Keyword | undefined {
  return word.length > keywordLengthMax ? undefined : keywords.get(word.toLowerCase());
}

/** How strongly a binary operator binds; 0 = not an operator. */
export function precedence(token: Token): number {
  switch (token) {
    case 'OR':
      return 1;
    case 'AND':
      return 2;
    case '=':
    case '!=':
    case '=~':
    case '!~':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return 3;
    case '+':
    case '-':
    case '|':
    case '^':
      return 4;
    case '*':
    case '/':
    case '%':
    case '&':
      return 5;
    default:
      return 0;
  }
}

/** The name of a token in a message when it has no literal text. */
export function tokenName(token: Token): string {
  switch (token) {
    case 'COMMENT':
    case 'BOUNDPARAM':
    case 'INTEGER':
    case 'BADREGEX':
      return '';
    default:
      return token;
  }
}
