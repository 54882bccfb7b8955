export type BenchRow = {
  id: string;
  figure: string;
  value: number;
  floor: number;
  unit: string;
  ratio: number;
  p99Ratio?: number;
  spread: string;
  target: string;
  met: boolean;
  note: string;
};
