/**
 * Networks in ONNX files: `importOnnx` reads them, `exportOnnx` writes them.
 *
 * @module
 */
export { importOnnx, type ImportOnnxOptions } from './onnx/import/import-onnx.js';
export type { OnnxModel } from './onnx/import/onnx-model.js';
