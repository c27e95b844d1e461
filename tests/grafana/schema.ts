// What a dashboard's JSON must be by the types that Grafana publishes. Beside it, test_schema.py puts boards.ts.
import type {
  AnnotationQuery, Dashboard, DashboardLink, FieldConfigSource, Panel, TableFieldOptions, TableOptions,
} from "@grafana/schema";
import type * as bargauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as logs from "@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as statetimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as statushistory from "@grafana/schema/dist/esm/raw/composable/statushistory/panelcfg/x/StatusHistoryPanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON has the values of enumerations, not their names.
type Plain<T> = unknown extends T
  ? T
  : T extends string
    ? string extends T ? T : `${T}`
    : T extends number
      ? number extends T ? T : `${T}` extends `${infer N extends number}` ? N : never
      : T extends readonly (infer One)[]
        ? Plain<One>[]
        : T extends object
          ? { [Key in keyof T]: Plain<T[Key]> }
          : T;

interface Nothing {}

type Known<Kind extends string, Options, Custom = Nothing> = Plain<
  Omit<Panel, "type" | "options" | "fieldConfig" | "title" | "description">
> & {
  type: Kind;
  title: string;
  description: string;
  options: Plain<Options>;
  fieldConfig: Plain<Omit<FieldConfigSource, "defaults">> & {
    defaults: Plain<Omit<FieldConfigSource["defaults"], "custom">> & { unit: string; custom?: Plain<Partial<Custom>> };
  };
};

type AnyPanel =
  | Known<"bargauge", bargauge.Options>
  | Known<"logs", logs.Options>
  | Known<"stat", stat.Options>
  | Known<"state-timeline", statetimeline.Options, statetimeline.FieldConfig & { spanNulls: boolean }>
  | Known<"status-history", statushistory.Options, statushistory.FieldConfig>
  | Known<"table", TableOptions, TableFieldOptions>
  | Known<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | Known<"traces", Nothing>;

// A data source's own part of a query is not in the published types.
type Query = { refId: string; datasource: { type: string; uid: string }; [more: string]: unknown };

export type Board = Plain<Omit<Dashboard, "panels" | "id" | "links" | "annotations">> & {
  annotations: { list: (Plain<Omit<AnnotationQuery, "target">> & { target: Query })[] };
  links: Plain<DashboardLink>[];
  panels: AnyPanel[];
};
