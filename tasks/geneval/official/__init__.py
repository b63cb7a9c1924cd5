"""GenEval's own detector and rule: Mask2Former as MMDetection 2.x runs it, COCO's names, CLIP's colours."""
