import { asked, dateIn, may, must, reused, wait } from '../behaviour.ts';

const expires = (value: string | readonly string[] | ((nowMs: number) => string), more = {}) =>
  asked({ expires: value, ...more });
const inAnHour = (write: (date: Date) => string) => (nowMs: number) => write(new Date(nowMs + 3_600_000));
const imf = (date: Date): string => date.toUTCString();
const part = (date: Date, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', hourCycle: 'h23', ...options }).format(date);
const clockTime = (date: Date): string => date.toISOString().slice(11, 19);

/** `Wednesday, 01-Apr-26 10:00:00 GMT` */
const rfc850 = (date: Date): string =>
  `${part(date, { weekday: 'long' })}, ${part(date, { day: '2-digit' })}-${part(date, { month: 'short' })}-${String(date.getUTCFullYear()).slice(2)} ${clockTime(date)} GMT`;
/** `Wed Apr  1 10:00:00 2026` */
const asctime = (date: Date): string =>
  `${part(date, { weekday: 'short' })} ${part(date, { month: 'short' })} ${String(date.getUTCDate()).padStart(2)} ${clockTime(date)} ${date.getUTCFullYear()}`;

/** `Expires`, and the dates it may and may not be written as. */
export const expiring = [
  may('RFC 9111 §5.3', 'a future Expires makes an answer fresh', expires(dateIn(60)), wait('59s'), reused()),
  must('RFC 9111 §5.3', 'what is past its Expires is not reused', expires(dateIn(60)), wait('61s'), asked()),
  must('RFC 9111 §5.3', 'a past Expires is never fresh', expires(dateIn(-60)), asked()),
  must('RFC 9111 §5.3', 'Expires at the very Date is never fresh', expires(dateIn(0)), asked()),
  must('RFC 9111 §5.3', 'an invalid Expires is in the past: 0', expires('0'), asked()),
  must(
    'RFC 9111 §4.2.1',
    'an Expires before Date is past although both lie ahead',
    expires(dateIn(60), { date: dateIn(600) }),
    asked(),
  ),
  must(
    'RFC 9111 §4.2.1',
    'freshness is Expires less Date, used up by Age, with Date behind',
    expires(dateIn(20), { date: dateIn(-60), age: '100' }),
    asked(),
  ),
  must(
    'RFC 9111 §4.2.1',
    'freshness is Expires less Date, used up by Age, with Date ahead',
    expires(dateIn(90), { date: dateIn(60), age: '40' }),
    asked(),
  ),
  may('RFC 9110 §5.6.7', 'where Date is none the time of receipt stands in', expires(dateIn(60), { date: 'foo' }), reused()),
  may('RFC 9111 §5.3', 'Expires at the end of 32 bits of seconds', expires('Tue, 19 Jan 2038 14:14:08 GMT'), reused()),
  may('RFC 9111 §5.3', 'Expires a century ahead', expires('Sun, 21 Nov 2126 04:46:39 GMT'), reused()),
  may('RFC 9110 §5.6.7', 'a date in the form of RFC 850', expires(inAnHour(rfc850)), wait('59m'), reused()),
  may('RFC 9110 §5.6.7', 'a date in the form of asctime', expires(inAnHour(asctime)), wait('59m'), reused()),
  may(
    'RFC 9110 §5.6.7',
    'a date whose day of the week is in capitals',
    expires(inAnHour((date) => imf(date).replace(/^\w+/, (day) => day.toUpperCase()))),
    reused(),
  ),
  may(
    'RFC 9110 §5.6.7',
    'a date whose month is in capitals',
    expires(inAnHour((date) => imf(date).replace(/[A-Z][a-z]{2}(?= \d{4})/, (month) => month.toUpperCase()))),
    reused(),
  ),
  may(
    'RFC 9110 §5.6.7',
    'a date whose zone is in small letters',
    expires(inAnHour((date) => imf(date).replace('GMT', 'gmt'))),
    reused(),
  ),
  ...(
    [
      ['a zone called UTC', (text) => text.replace('GMT', 'UTC')],
      ['another zone', (text) => text.replace('GMT', 'CET')],
      ['a numeric zone', (text) => text.replace('GMT', '+0000')],
      ['two digits of the year', (text) => text.replace(/ 20(\d\d) /, ' $1 ')],
      ['no comma', (text) => text.replace(',', '')],
      ['several spaces', (text) => text.replace(/ (\d{4})/, '  $1')],
      ['dashes', (text) => text.replace(/ (\w{3}) (\d{4})/, '-$1-$2')],
      ['points in the time', (text) => text.replaceAll(':', '.')],
      ['one digit of the hour', (text) => text.replace(/ \d(\d):/, ' $1:')],
      ['no day of the month', (text) => text.replace(/ \d\d /, ' ')],
      ['a thirteenth month', (text) => text.replace(/ \w{3} /, ' Tri ')],
    ] as [string, (text: string) => string][]
  ).map(([what, spoil]) =>
    must('RFC 9111 §5.3', `an Expires with ${what} is in the past`, expires(inAnHour((date) => spoil(imf(date)))), asked()),
  ),
  must(
    'RFC 9111 §5.3',
    'several Expires lines are no date',
    asked({ expires: [imf(new Date(0)), imf(new Date(4e12))] }),
    asked(),
  ),
];
