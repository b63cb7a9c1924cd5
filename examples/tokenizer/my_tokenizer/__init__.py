"""An image tokenizer of your own: pictures to codes and back."""
