import pg from "pg";

export const isPostgres = (location: string): boolean => /^postgres(ql)?:\/\//.test(location);

/** Counters and generations come as numbers, as they do from SQLite; pg gives a bigint as text. */
export const numbersOfBigints: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)),
};
