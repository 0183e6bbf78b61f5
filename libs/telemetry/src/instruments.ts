/** The instruments behind the names: made once per process, shared by the probes of all its regions. */
import type { Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import { COUNTERS, GAUGES, HISTOGRAMS } from './names';

type Made<Names, Instrument> = { readonly [Name in keyof Names]: Instrument };

export interface Instruments {
  readonly counters: Made<typeof COUNTERS, Counter>;
  readonly histograms: Made<typeof HISTOGRAMS, Histogram>;
  readonly gauges: Made<typeof GAUGES, ObservableGauge>;
}

export function createInstruments(meter: Meter): Instruments {
  return {
    counters: each(COUNTERS, ({ name, unit, description }) => meter.createCounter(name, { unit, description })),
    histograms: each(HISTOGRAMS, ({ name, unit, description, boundaries }) =>
      meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...boundaries] } }),
    ),
    gauges: each(GAUGES, ({ name, unit, description }) => meter.createObservableGauge(name, { unit, description })),
  };
}

function each<Names extends object, Instrument>(names: Names, make: (name: Names[keyof Names]) => Instrument): Made<Names, Instrument> {
  return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, make(name as Names[keyof Names])])) as Made<Names, Instrument>;
}
