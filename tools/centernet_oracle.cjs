// Run the original TensorFlow.js CenterNet on one image and print what linksim's conversion must reproduce.
//
//   npm install @tensorflow/tfjs@4 && npm pack @vladmandic/human@3.3.6 && tar xzf vladmandic-human-3.3.6.tgz
//   python -c "import skimage.data; skimage.data.astronaut().astype('<f4').tofile('astronaut.f32')"
//   node tools/centernet_oracle.cjs package/models astronaut.f32 > tests/tasks/centernet_tfjs.json
//
// The shipped graph holds all its constants in half precision, so the 1/6 of its hard-swish is 0.16663. Both are run:
// the graph as it is shipped, and with that constant (alone) in single precision, which is what linksim computes.
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const tf = createRequire(path.join(process.cwd(), 'x.js'))('@tensorflow/tfjs');

const [folder, input] = process.argv.slice(2);
const graph = JSON.parse(fs.readFileSync(path.join(folder, 'centernet.json')));
const bytes = fs.readFileSync(path.join(folder, 'centernet.bin'));
const specs = graph.weightsManifest.flatMap((group) => group.weights);
const buffer = (b) => b.buffer.slice(b.byteOffset, b.byteOffset + b.length);

function withExactSixth() {
  const tensors = tf.io.decodeWeights(buffer(bytes), specs);
  const plain = specs.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
  const parts = plain.map(({ name, dtype }) => {
    const values = dtype === 'int32' ? Int32Array.from(tensors[name].dataSync()) : Float32Array.from(tensors[name].dataSync());
    if (values.length === 1 && Math.abs(values[0] - 0.1666259765625) < 1e-7) values[0] = 1 / 6;
    return Buffer.from(values.buffer);
  });
  return { weightSpecs: plain, weightData: buffer(Buffer.concat(parts)) };
}

async function run(weights) {
  const artifacts = { modelTopology: graph.modelTopology, format: graph.format, signature: graph.signature, ...weights };
  const model = await tf.loadGraphModel({ load: async () => artifacts });
  const image = tf.tensor(new Float32Array(buffer(fs.readFileSync(input))), [1, 512, 512, 3]);
  const names = ['CenternetHead/centernet_cls_output/BiasAdd', 'wh', 'detections'].map((name) => `tower_0/${name}`);
  const [heat, extents, detections] = model.execute(image, names).map((tensor) => tensor.squeeze([0]).arraySync());
  const digits = (values) => values.map((row) => row.map((value) => Number(value.toPrecision(7))));
  const sample = (map) => digits([...Array(16).keys()].map((i) => map[32 * (i >> 2) + 16][32 * (i & 3) + 16]));
  return { heat: sample(heat), extents: sample(extents), detections: digits(detections.slice(0, 20)) };
}

(async () => {
  await tf.setBackend('cpu');
  const shipped = await run({ weightSpecs: specs, weightData: buffer(bytes) });
  const exact = await run(withExactSixth());
  process.stdout.write(JSON.stringify({ shipped, exact }).replace(/\]\],/g, ']],\n') + '\n');
})();
