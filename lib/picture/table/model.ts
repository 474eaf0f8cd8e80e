/** A table: rows of short texts. */
export interface TableDiagram {
  title: string;
  subtitle?: string;
  /** Widths in px; together at most the content's 796. */
  columns: readonly TableColumn[];
  /** As many cells a row as there are columns. */
  rows: readonly (readonly TableCell[])[];
  notes?: readonly string[];
}

export interface TableColumn {
  title: string;
  /** px */
  width: number;
}

export interface TableCell {
  text: string;
  /** Sets the text off: by weight and colour, never by colour alone. Default: plain. */
  tone?: 'good' | 'bad' | 'warn';
}
