export { chartInstaller } from "./chart-installer.ts";
export { findChartStandIn } from "./chart-stand-in.ts";
export { chartStandIns } from "./chart-stand-ins.ts";
export { checkHelm } from "./check-helm.ts";
