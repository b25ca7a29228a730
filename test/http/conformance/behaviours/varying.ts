import { type Ask, asked, may, must, reused } from '../behaviour.ts';

const varying = (names: string | readonly string[], more = {}) => ({ 'cache-control': 'max-age=3600', vary: names, ...more });
const by = (fields: Record<string, string | string[]>): Ask => ({ fields });
const red = by({ 'x-colour': 'red' });
const blue = by({ 'x-colour': 'blue' });
const languages = (value: string): Ask => by({ 'accept-language': value });

/** Answers that depend on fields of the request. */
export const varies = [
  may(
    'RFC 9111 §4.1',
    'the same value of a varying field selects the stored answer',
    asked(varying('X-Colour'), { ask: red }),
    reused({}, red),
  ),
  must(
    'RFC 9111 §4.1',
    'another value does not',
    asked(varying('X-Colour'), { ask: red }),
    asked(varying('X-Colour'), { ask: blue }),
  ),
  must(
    'RFC 9111 §4.1',
    'a missing value does not, where there was one',
    asked(varying('X-Colour'), { ask: red }),
    asked(varying('X-Colour')),
  ),
  must(
    'RFC 9111 §4.1',
    'a value does not, where it was missing',
    asked(varying('X-Colour')),
    asked(varying('X-Colour'), { ask: red }),
  ),
  must(
    'RFC 9111 §4.1',
    'an empty value is not a missing one',
    asked(varying('X-Colour')),
    asked(varying('X-Colour'), { ask: by({ 'x-colour': '' }) }),
  ),
  must(
    'RFC 9110 §12.5.5',
    'Vary of a short answer goes out as it came',
    asked(varying('X-Colour', { 'content-type': 'text/plain', 'content-length': '8' }), {
      ask: red,
      got: { fields: { vary: 'X-Colour' } },
    }),
    reused({ fields: { vary: 'X-Colour' } }, red),
  ),
  may(
    'RFC 9111 §4.1',
    'several variants are kept beside each other',
    asked(varying('X-Colour'), { ask: red }),
    asked({ fields: varying('X-Colour'), body: 'blue' }, { ask: blue }),
    reused({ body: 'answer 1' }, red),
    reused({ body: 'blue' }, blue),
  ),
  may(
    'RFC 9111 §4.1',
    'fields that Vary does not name do not matter',
    asked(varying('X-Colour'), { ask: by({ 'x-colour': 'red', 'x-size': '1' }) }),
    reused({}, by({ 'x-colour': 'red', 'x-size': '2' })),
  ),
  may(
    'RFC 9111 §4.1',
    'all of two varying fields the same: selected',
    asked(varying('X-Colour, X-Size'), { ask: by({ 'x-colour': 'red', 'x-size': '1' }) }),
    reused({}, by({ 'x-size': '1', 'x-colour': 'red' })),
  ),
  must(
    'RFC 9111 §4.1',
    'one of two varying fields another: not selected',
    asked(varying('X-Colour, X-Size'), { ask: by({ 'x-colour': 'red', 'x-size': '1' }) }),
    asked(varying('X-Colour, X-Size'), { ask: by({ 'x-colour': 'red', 'x-size': '2' }) }),
  ),
  must(
    'RFC 9111 §4.1',
    'one of two varying fields missing: not selected',
    asked(varying('X-Colour, X-Size'), { ask: by({ 'x-colour': 'red', 'x-size': '1' }) }),
    asked(varying('X-Colour, X-Size'), { ask: red }),
  ),
  must(
    'RFC 9111 §4.1',
    'varying fields on several lines all count',
    asked(varying(['X-Colour', 'X-Size']), { ask: by({ 'x-colour': 'red', 'x-size': '1' }) }),
    asked(varying(['X-Colour', 'X-Size']), { ask: by({ 'x-colour': 'red', 'x-size': '2' }) }),
  ),
  may(
    'RFC 9111 §4.1',
    'three varying fields, one missing both times: selected',
    asked(varying('X-Colour, X-Size, X-Shape'), { ask: by({ 'x-colour': 'red', 'x-shape': 'o' }) }),
    reused({}, by({ 'x-colour': 'red', 'x-shape': 'o' })),
  ),
  must(
    'RFC 9111 §4.1',
    'three varying fields, values swapped: not selected',
    asked(varying('X-Colour, X-Size, X-Shape'), { ask: by({ 'x-colour': 'a', 'x-size': 'b', 'x-shape': 'c' }) }),
    asked(varying('X-Colour, X-Size, X-Shape'), { ask: by({ 'x-colour': 'b', 'x-size': 'a', 'x-shape': 'c' }) }),
  ),
  must(
    'RFC 9111 §4.1',
    'names of varying fields have no case',
    asked(varying('x-COLOUR'), { ask: red }),
    asked(varying('x-COLOUR'), { ask: blue }),
  ),
  must(
    'RFC 9111 §4.1',
    'the last Vary of a URL decides',
    asked(varying('X-Colour'), { ask: red }),
    asked(varying('X-Size'), { ask: by({ 'x-colour': 'blue', 'x-size': '1' }) }),
    asked(varying('X-Size'), { ask: by({ 'x-colour': 'blue', 'x-size': '2' }) }),
  ),
  ...(
    [
      ['*', '*'],
      ['*, *', '*, *'],
      ['two lines of *', ['*', '*']],
      [', *', ', *'],
      ['an empty line and one of *', ['', '*']],
      ['*, a name', '*, X-Colour'],
      ['a name, *', 'X-Colour, *'],
    ] as [string, string | string[]][]
  ).map(([what, value]) =>
    must(
      'RFC 9111 §4.1',
      `Vary of ${what} matches nothing`,
      asked(varying(value), { ask: red }),
      asked(varying(value), { ask: red }),
    ),
  ),
  may(
    'RFC 9111 §4.1',
    'lines of a varying field are its list',
    asked(varying('X-Colour'), { ask: by({ 'x-colour': ['red', 'blue'] }) }),
    reused({}, by({ 'x-colour': 'red, blue' })),
  ),
  may(
    'RFC 9111 §4.1',
    'spaces between members of a varying field mean nothing',
    asked(varying('X-Colour'), { ask: by({ 'x-colour': 'red,blue' }) }),
    reused({}, by({ 'x-colour': 'red ,  blue' })),
  ),
  may(
    'RFC 9110 §12.5.4',
    'the order of equally liked languages means nothing',
    asked(varying('Accept-Language'), { ask: languages('en, de') }),
    reused({}, languages('de, en')),
  ),
  may(
    'RFC 9110 §12.5.4',
    'languages have no case',
    asked(varying('Accept-Language'), { ask: languages('en, de') }),
    reused({}, languages('eN, De')),
  ),
  may(
    'RFC 9110 §12.5.4',
    'spaces between languages mean nothing',
    asked(varying('Accept-Language'), { ask: languages('en, de') }),
    reused({}, languages('en ,   de')),
  ),
  may(
    'RFC 9110 §12.5.4',
    'the language liked best selects its variant',
    asked(varying('Accept-Language', { 'content-language': 'de' }), { ask: languages('en;q=0.5, de;q=1.0') }),
    reused({}, languages('fr;q=0.5, de;q=1.0')),
  ),
  may(
    'RFC 9110 §12.5.3',
    'Accept-Encoding makes no other answer where the cache codes by itself',
    asked(varying('Accept-Encoding'), { ask: by({ 'accept-encoding': 'gzip' }) }),
    reused({}, by({ 'accept-encoding': 'br' })),
  ),
];
