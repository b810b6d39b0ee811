import { useEffect, useRef, useState } from 'preact/hooks';

import { Dialog } from '../kit/dialog.tsx';
import { Icon } from '../kit/icons.tsx';

const JPEG_QUALITY = 0.92;

/** Takes a picture with the device's camera. */
export function Camera({ onPicture, onClose }: { onPicture: (file: File) => void; onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<'starting' | 'ready' | 'refused' | 'missing'>('starting');
  useEffect(() => {
    let stream: MediaStream | undefined;
    let isGone = false;
    const start = async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
        if (isGone) return stop(stream);
        video.current!.srcObject = stream;
        await video.current!.play();
        setState('ready');
      } catch (error) {
        if (!isGone) setState((error as Error).name === 'NotAllowedError' ? 'refused' : 'missing');
      }
    };
    void start();
    return () => {
      isGone = true;
      stop(stream);
    };
  }, []);
  const take = async () => {
    const file = await stillOf(video.current!);
    onPicture(file);
  };
  return (
    <Dialog title="Camera" onClose={onClose} isWide>
      <div class="camera">
        {state === 'refused' && <p role="alert">The browser does not let this page use the camera.</p>}
        {state === 'missing' && <p role="alert">There is no camera that can be used.</p>}
        <video ref={video} muted playsInline aria-label="What the camera sees" />
      </div>
      <div class="actions">
        <button type="button" class="primary" disabled={state !== 'ready'} onClick={() => void take()}>
          <Icon name="camera" />
          Take picture
        </button>
      </div>
    </Dialog>
  );
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

async function stillOf(video: HTMLVideoElement): Promise<File> {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')!.drawImage(video, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) =>
    canvas.toBlob(resolve, 'image/jpeg', JPEG_QUALITY),
  );
  if (blob === null) throw new Error('the browser made no picture of the video');
  return new File([blob], 'camera.jpg', { type: 'image/jpeg' });
}
