import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'M10: a batch above message.max.bytes is refused before it is stored, wherever it comes from, and ' +
    'the next one is taken.',
  script: quietScript(45, { config: { 'message.max.bytes': '4000' } }),
  async play(stage) {
    const large = await stage.within(9_000, 'it is answered', stage.send(['x'.repeat(5_000)]))
    const why = large.acked ? 'acknowledged' : large.why
    stage.require(why === 'MESSAGE_TOO_LARGE', 'it is refused', { why })
    const small = await stage.within(9_000, 'it is answered', stage.send(['small']))
    stage.require(small.acked, 'the next one is taken')
  },
}
