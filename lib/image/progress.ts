/** Told what a build is doing, a line at a time, for a person who waits. */
export type Progress = (line: string) => void;
