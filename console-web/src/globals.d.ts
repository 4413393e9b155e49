/** Address of the layout worker, as the build named it. */
declare const LAYOUT_WORKER: string;

declare module "*.css";
