import { asked, dateIn, must, reused, wait } from '../behaviour.ts';

const HOUR = { 'cache-control': 'max-age=3600' };
const aged = (age: string | readonly string[]) => asked({ ...HOUR, age });

/** How old an answer is when it comes, and what is said of that to clients. */
export const age = [
  must('RFC 9111 §4.2.3', 'an answer older by its Age than its max-age is stale', aged('7200'), asked()),
  must('RFC 9111 §4.2.3', 'time spent here adds to the Age it came with', aged('3590'), wait('11s'), asked()),
  must('RFC 9111 §4.2.3', 'an old Date makes an answer old', asked({ ...HOUR, date: dateIn(-7200) }), asked()),
  must(
    'RFC 9111 §4.2.3',
    'a Date in the future makes nothing younger',
    asked({ 'cache-control': 'max-age=10', date: dateIn(7200) }),
    wait('11s'),
    asked(),
  ),
  ...['2147483647', '2147483648', '4294967297', '99999999999999'].map((value) =>
    must('RFC 9111 §1.2.2', `Age: ${value} is old`, aged(value), asked()),
  ),
  ...['abc', '-7200', '7200.5', '"7200"', ''].map((value) =>
    must('RFC 9111 §5.1', `an invalid Age is ignored: ${JSON.stringify(value)}`, aged(value), reused()),
  ),
  must('RFC 9111 §5.1', 'of a list of ages the first counts: old, young', aged('7200, 0'), asked()),
  must('RFC 9111 §5.1', 'of a list of ages the first counts: young, old', aged('0, 7200'), reused()),
  must('RFC 9111 §5.1', 'of several Age lines the first counts: old, young', aged(['7200', '0']), asked()),
  must('RFC 9111 §5.1', 'of several Age lines the first counts: young, old', aged(['0', '7200']), reused()),
  must('RFC 9111 §5.1', 'the same Age twice is that age', aged('0, 0'), reused()),
  must('RFC 9111 §5.1', 'the same Age on two lines is that age', aged(['0', '0']), reused()),
  must('RFC 9111 §5.1', 'Age with a parameter is its number', aged('7200;foo=111'), asked()),
  must('RFC 9111 §5.1', 'a stored answer says its Age', asked(HOUR), wait('30s'), reused({ fields: { age: '30' } })),
  must('RFC 9111 §5.1', 'Age goes on from what it was', aged('100'), wait('30s'), reused({ fields: { age: '130' } })),
  must(
    'RFC 9111 §5.1',
    'a stored answer fresh by Expires says its Age',
    asked({ expires: dateIn(3600) }),
    wait('30s'),
    reused({ fields: { age: '30' } }),
  ),
  must(
    'RFC 9110 §6.6.1',
    'Date stays that of the origin',
    asked({ ...HOUR, date: dateIn(-10) }),
    wait('30s'),
    reused({ fields: { date: dateIn(-40), age: '40' } }),
  ),
  must(
    'RFC 9110 §6.6.1',
    'an answer without Date gets one when it comes in',
    asked({ fields: HOUR, withoutDate: true }),
    wait('30s'),
    reused({ fields: { date: / GMT$/, age: '30' } }),
  ),
];
