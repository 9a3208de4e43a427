"""Everything that makes weights: loops, losses, augmentation, distillation, adapters, exports."""
