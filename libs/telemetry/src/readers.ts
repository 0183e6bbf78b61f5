/**
 * Where metrics are read: by whoever scrapes `/metrics`, and over OTLP. Counters and histograms are cumulative; gauges
 * have no history ("delta"), for else the SDK goes on telling points that are not observed any more: a log that another
 * process folds by now would be told by both, for ever.
 */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { AggregationTemporality, InstrumentType, PeriodicExportingMetricReader, type IMetricReader } from '@opentelemetry/sdk-metrics';

export class ScrapedReader extends PrometheusExporter {
  constructor() {
    super({ preventServerStart: true });
  }

  override selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : super.selectAggregationTemporality(type);
  }
}

/** None without an endpoint. */
export function otlpReaders(endpoint: string): IMetricReader[] {
  if (endpoint === '') return [];
  return [new PeriodicExportingMetricReader({ exporter: new GaugeAwareExporter({ url: `${endpoint}/v1/metrics` }) })];
}

class GaugeAwareExporter extends OTLPMetricExporter {
  override selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : super.selectAggregationTemporality(type);
  }
}
