// Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, section 8.5).

/** A square matrix, row by row. */
export type Matrix = readonly (readonly number[])[];

export interface SymmetricEigen {
  readonly values: readonly number[];
  /** `vectors[i]` belongs to `values[i]`; they are orthonormal. */
  readonly vectors: Matrix;
}

/** Exact to about 1e-14 of the largest value; takes O(n^3) for each of about ten sweeps. */
export function symmetricEigen(matrix: Matrix): SymmetricEigen {
  const size = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = identity(size);
  const scale = Math.max(Number.MIN_VALUE, ...a.map((row) => Math.max(...row.map(Math.abs))));
  for (let sweep = 0; sweep < 60; sweep++) {
    let largest = 0;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        largest = Math.max(largest, Math.abs(a[p]![q]!));
        rotate(a, v, p, q);
      }
    }
    if (largest <= 1e-17 * scale) break;
  }
  return {
    values: a.map((row, i) => row[i]!),
    vectors: Array.from({ length: size }, (_, i) => v.map((row) => row[i]!)),
  };
}

/** The product of two square matrices. */
export function multiply(a: Matrix, b: Matrix): number[][] {
  return a.map((row) => b[0]!.map((_, column) => row.reduce((sum, value, k) => sum + value * b[k]![column]!, 0)));
}

function identity(size: number): number[][] {
  return Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
}

/** Makes `a[p][q]` zero by a plane rotation and gathers the rotation in `v`. */
function rotate(a: number[][], v: number[][], p: number, q: number): void {
  const off = a[p]![q]!;
  if (off === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * off);
  const tangent = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const cosine = 1 / Math.sqrt(tangent * tangent + 1);
  const sine = tangent * cosine;
  const turn = (row: number[]): void => {
    const atP = row[p]!;
    const atQ = row[q]!;
    row[p] = cosine * atP - sine * atQ;
    row[q] = sine * atP + cosine * atQ;
  };
  for (const row of a) turn(row);
  for (let column = 0; column < a.length; column++) {
    const atP = a[p]![column]!;
    const atQ = a[q]![column]!;
    a[p]![column] = cosine * atP - sine * atQ;
    a[q]![column] = sine * atP + cosine * atQ;
  }
  for (const row of v) turn(row);
}
