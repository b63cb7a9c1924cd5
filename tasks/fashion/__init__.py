"""Fashion-MNIST's feature network, how it is trained, and the lessons of class-conditional models."""
