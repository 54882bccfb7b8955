import { english } from "../english/english.ts";
export const russian = english;
