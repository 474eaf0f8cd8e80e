/** Debian's name of the program behind its wrapper script, which would stand between us and its signals. */
export const program = 'bochs-bin';
