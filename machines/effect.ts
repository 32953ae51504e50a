/**
 * Effects are data: a chart names what the world should do and its parameters; the actor that
 * hosts the chart provides what is done.
 */

/** A named action that does nothing by itself. */
export function effect<Params = undefined>() {
  return (_: unknown, _params: Params): void => {}
}
