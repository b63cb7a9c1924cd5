"""The language model that speaks images: vocabulary, sequence layout, the model with its folder, generation."""
