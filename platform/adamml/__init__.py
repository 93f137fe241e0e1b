"""AdaMML finds how little computation a multi-modal video classifier needs.

Its words, each with one meaning everywhere (docs/words.md is made from this list):

Videos and networks

  video             A labelled media file, which is a row of the manifest.
  manifest          The table of a dataset's videos, kept in manifest.parquet.
  segment           A clip of F frames at a fixed stride, and the sound around its middle.
  modality          An aspect of a video with a network of its own: rgb, audio, flow or rgbdiff.
  evidence          Parts of a video that show its class, where the manifest says where they are.
  policy            The network, or rule, that decides for each segment which modalities to compute.
  recognition       The networks, one per modality, that classify a segment.
  unimodal          Belonging to one modality: a unimodal network is a recognition network that was
                    trained alone, and every trial starts from one for each of its modalities.
  decision          1 if a modality of a segment is computed, 0 if it is skipped.
  fusion            The step that combines the logits or features of all modalities of a segment.
  proxy             A modality that the policy looks at in place of one that is expensive to make.
  always-on         Computing every modality of every segment, without a learned policy.
  oracle            A policy that knows where the evidence is, as a bound on learned policies.
  fixed view        Cached tensors of a split, such as segment logits, on which a method trains in
                    place of videos.
  quirk             A difference between the released code and the method that it describes.
  reference         The released code (IBM/AdaMML), to which golden cases and checkpoints belong.

Settings

  recipe            A function that takes the modalities of a task and returns a complete config.
  config            A complete, immutable description of a trial.
  override          A dotted path of a config and its new value, e.g. {"loss.gamma": 3.0}.
  method            A line in the table of compared methods: overrides of a recipe, and a family.
  family            A kind of model, with the functions that build, train, evaluate and bill it.
  baseline          A first trial of every sweep that no sampler suggests: always-on fusion or the
                    published setting.
  key               The name of an assignment for searcher, relay, dispatcher and runner: its kind,
                    id and fidelity.
  home              The folder of data, unimodal networks and studies, which all nodes share.

Training

  stage             A part of training with the same networks trained in each of its epochs.
  policy-only       The stage that trains a policy on the segment logits of frozen recognition
                    networks.
  joint             Trained through all stages, with policy and recognition networks in turn.
  fidelity          How far a trial is trained: unimodal, policy (the policy-only stage) or joint.
  decision bias     A number per modality that is added to the policy's logits after training.
  operating point   A trained model under one decision bias.

Studies

  study             Trials that share data, settings and objectives.
  trial             A recipe with overrides, trained and evaluated.
  plan              The options of a job made definite, before anything starts.
  phase             A part of a study that is left, with all that can run now.
  session           One run of a job over a study.
  assignment        A piece of work for a slot: decode videos, train a network or trial, or test it.
  slot              A warm group of Ray Train workers that runs one assignment after another.
  relay             The part of a Tune trial that remains: it submits an assignment and repeats its
                    reports to Tune.
  dispatcher        The actor that queues assignments and hands them to slots.
  attempt           A numbered start of an assignment; only the newest may report.
  incarnation       A start of a slot's workers, by which the dispatcher recognises a slot that came
                    back.
  journal           A file of events, one JSON object per line, that records a trial or a study.
  rung              A number of policy epochs at which a scheduler compares trials and stops some.
  promoted          Chosen after the policy-only stage to be trained jointly.
  warm start        Beginning a search with what an earlier study over the same space has found.

Results

  objective         A number per trial that a search maximises or minimises.
  quality           The objective that is maximised: top-1 accuracy or mAP.
  GFLOPs            The objective that is minimised: multiply-accumulates per video / 1e9, the
                    habit of the video literature.
  front             The trials that no other trial beats in all objectives.
  chosen            Of all operating points within the budget, the one that validation prefers.
  bounds            The best that decisions could do with a model's networks: the relevance policy,
                    which computes the evidence alone, and the oracle front.
  regret            How far a trial is from the oracle front, in quality and in GFLOPs.
  candidate         A configuration of a search that is retrained with fresh seeds.
  retraining        Training a candidate again with a fresh seed, and testing it once.
  contested         On the test front with a probability between 10% and 90%, so that the candidate
                    gets another seed.
  attainment        The surface of objectives that a given share of the seeds reaches.

Shapes: N videos, S segments, M modalities, F frames, C channels, H W pixels, K classes. At every
boundary decisions are [N, S, M] and segment logits [N, S, M, K].
"""
