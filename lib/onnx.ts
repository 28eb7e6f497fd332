/**
 * Networks in ONNX files: `importOnnx` reads them, `exportOnnx` writes them.
 *
 * @module
 */
export { importOnnx, type ImportOnnxOptions } from './onnx/import/import-onnx.js';
export type { OnnxModel } from './onnx/import/onnx-model.js';
export { exportOnnx, type ExportOnnxOptions } from './onnx/export/export-onnx.js';
